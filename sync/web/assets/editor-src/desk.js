// The page around the editor: what is typed is kept and checked by the server 300 ms after the last key, and
// the plan is counted 800 ms after it. A newer key gives up what is under way for an older one.

const CHECK = 300;
const COUNT = 800;
const POLL = 500;
const QUIET = 5000;
const FIRST = 100;
const AGAIN = 5000;
const STALE = 20000;
const PATIENCE = 20000;
const LEAVING = 15000;

export class Desk {
  constructor(area) {
    this.area = area;
    this.form = area.form;
    this.file = area.dataset.file;
    // The text as the server has it.
    this.base = area.value;
    this.timers = {};
    this.checking = null;
    this.last = new Map([...document.querySelectorAll("[data-part]")].map((one) => [one.id, one.outerHTML]));
    this.updated = Date.now();
    this.looks = 0;
    this.shown = 0;
    this.show = () => {};
    this.putBack = () => {};
  }

  begin() {
    this.form.addEventListener("submit", () => { clearTimeout(this.timers.check); });
    window.addEventListener("beforeunload", () => this.leave());
    this.tell();
    this.restore();
    // The names are held against Jira after the page is there.
    this.later("count", FIRST, () => this.refresh(true));
  }

  typed() {
    this.unkept = true;
    this.remember();
    this.later("check", CHECK, () => this.check());
    this.later("count", COUNT, () => this.refresh(true));
    clearTimeout(this.timers.poll);
  }

  // The next page may have been made before a text that arrives now, so what the browser keeps stays for it.
  leave() {
    this.leaving = true;
    // A download leaves this page where it is.
    this.later("leave", LEAVING, () => {
      this.leaving = false;
      if (this.unkept) this.check();
    });
  }

  save() {
    const button = document.querySelector(`button[form="${this.form.id}"][value=save]`);
    if (button) this.form.requestSubmit(button);
    return true;
  }

  later(name, wait, work) {
    clearTimeout(this.timers[name]);
    this.timers[name] = setTimeout(work, wait);
  }

  // The draft in the browser, for while the server does not answer.
  get place() { return `ticket-sync draft ${this.form.elements.draft.value} ${this.file}`; }

  remember() {
    const kept = JSON.stringify({ base: this.base, text: this.area.value });
    try { localStorage.setItem(this.place, kept); } catch { /* A full or forbidden store. */ }
  }

  forget() {
    try { localStorage.removeItem(this.place); } catch { /* As above. */ }
  }

  restore() {
    let kept = null;
    try { kept = JSON.parse(localStorage.getItem(this.place)); } catch { return; }
    this.forget();
    // The server did not answer when this was typed, and the draft has not gone on elsewhere since.
    if (kept && kept.base === this.area.value && kept.text !== kept.base) this.putBack(kept.text);
  }

  // Texts are sent one after the other, so that an older one never takes the place of a newer one.
  async check() {
    if (this.checking) {
      this.again = true;
      return this.checking;
    }
    this.checking = this.send();
    await this.checking;
    this.checking = null;
    if (!this.again) return null;
    this.again = false;
    return this.check();
  }

  async send() {
    const text = this.area.value;
    try {
      const reply = await fetch(this.area.dataset.check, {
        method: "POST",
        body: new URLSearchParams({ _token: this.form.elements._token.value, draft: this.form.elements.draft.value, text }),
        signal: AbortSignal.timeout(PATIENCE),
      });
      if (!reply.ok || reply.redirected) return this.away(reply.ok ? 401 : reply.status);
      const found = await reply.json();
      if (this.leaving) return;
      this.base = text;
      this.unkept = this.area.value !== text;
      this.kept();
      if (this.unkept) this.remember();
      else this.forget();
      this.show(found.told, found.changed_lines);
      await this.refresh(false);
    } catch {
      this.away(0);
    }
  }

  kept() {
    const said = document.getElementById("kept");
    if (said) said.textContent = "Draft kept on this server.";
  }

  // Marks in the text what the list below it says, which may have come from Jira since.
  tell() {
    const said = document.getElementById("told").dataset.told;
    if (this.unkept || said === this.said) return;
    this.said = said;
    const found = JSON.parse(said);
    this.show(found.told, found.changed_lines);
  }

  away(status) {
    const said = document.getElementById("kept");
    if (!said) return;
    said.textContent = status === 404
      ? "This draft is gone from the server. Copy what you typed, and begin a new draft."
      : status >= 400 && status < 500
        ? "Not kept: sign in again in another tab. What you typed stays in this browser."
        : "Not kept: the server does not answer. What you typed stays in this browser.";
    this.later("check", AGAIN, () => this.check());
  }

  // Says that the parts beside the text are of before.
  late(is) {
    const said = document.getElementById("kept");
    if (said && is) said.textContent = `Not updated since ${new Date(this.updated).toISOString().slice(11, 19)} UTC: the server does not answer.`;
    else if (said && this.wasLate && !this.unkept) this.kept();
    this.wasLate = is;
    if (!is) this.updated = Date.now();
  }

  // Takes the parts of the page beside the editor anew.
  async refresh(count) {
    if (this.unkept && count) await this.timersDone();
    const address = new URL(this.area.dataset.parts, location.href);
    const here = new URL(location.href).searchParams;
    for (const [name, value] of here) if (name !== "did" && name !== "already") address.searchParams.append(name, value);
    address.searchParams.set("count", count ? "1" : "0");
    address.searchParams.set("names", count ? "1" : "0");
    const look = (this.looks += 1);
    try {
      const reply = await fetch(address, { headers: { "hx-request": "true" } });
      const html = await reply.text();
      // Looks may be answered in another order than they were begun.
      if (reply.ok && !reply.redirected && look > this.shown) {
        this.shown = look;
        this.put(html);
        this.tell();
      }
      this.late(!reply.ok || reply.redirected);
    } catch {
      this.late(true);
    }
    this.poll();
  }

  async timersDone() {
    clearTimeout(this.timers.check);
    await this.check();
  }

  put(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    for (const fresh of page.querySelectorAll("[data-part]")) {
      const old = document.getElementById(fresh.id);
      const same = this.last.get(fresh.id) === fresh.outerHTML;
      const active = old && old.contains(document.activeElement) ? document.activeElement : null;
      // Where somebody types or chooses, nothing changes until the next look.
      if (!old || same || (active && active.matches("input, select, textarea"))) continue;
      this.last.set(fresh.id, fresh.outerHTML);
      this.replace(old, document.importNode(fresh, true), active);
    }
  }

  // What was folded stays so, and what had the focus has it again.
  replace(old, fresh, active) {
    for (const one of old.querySelectorAll("details[id]")) {
      const now = fresh.querySelector(`#${CSS.escape(one.id)}`);
      if (now) now.open = one.open;
    }
    old.replaceWith(fresh);
    if (!active) return;
    const like = (one) => one.textContent === active.textContent && one.getAttribute("href") === active.getAttribute("href");
    const again = [...fresh.querySelectorAll(active.tagName)].find(like);
    if (again) again.focus({ preventScroll: true });
  }

  poll() {
    const busy = document.querySelector("[data-part][data-busy]");
    this.later("poll", busy ? POLL : QUIET, () => (document.hidden ? this.poll() : this.refresh(false)));
  }

  async completions() {
    // A site that had not answered yet may have by now.
    const old = Date.now() - (this.knownAt || 0) > STALE;
    if (this.known && old && !Object.keys((await this.known)?.sites || {}).length) this.known = null;
    if (!this.known) this.knownAt = Date.now();
    this.known ||= fetch(this.area.dataset.completions).then((reply) => (reply.ok ? reply.json() : null)).catch(() => null);
    const known = await this.known;
    if (!known) this.known = null;
    return known;
  }
}
