// The page around the editor: what is typed is kept and checked by the server 300 ms after the last key, and
// the plan is counted 800 ms after it. A newer key gives up what is under way for an older one.

const CHECK = 300;
const COUNT = 800;
const POLL = 500;
const QUIET = 5000;
const FIRST = 100;
const AGAIN = 5000;
const STALE = 20000;

export class Desk {
  constructor(area) {
    this.area = area;
    this.form = area.form;
    this.file = area.dataset.file;
    // The text as the server has it.
    this.base = area.value;
    this.timers = {};
    this.asked = null;
    this.show = () => {};
    this.putBack = () => {};
  }

  begin() {
    this.form.addEventListener("submit", () => { clearTimeout(this.timers.check); this.forget(); });
    this.tell();
    this.restore();
    // The names are held against Jira after the page is there.
    this.later("count", FIRST, () => this.refresh(true));
  }

  typed() {
    this.unkept = true;
    this.remember();
    if (this.asked) this.asked.abort();
    this.later("check", CHECK, () => this.check());
    this.later("count", COUNT, () => this.refresh(true));
    clearTimeout(this.timers.poll);
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

  async check() {
    this.asked = new AbortController();
    const text = this.area.value;
    try {
      const reply = await fetch(this.area.dataset.check, {
        method: "POST",
        body: new URLSearchParams({ _token: this.form.elements._token.value, draft: this.form.elements.draft.value, text }),
        signal: this.asked.signal,
      });
      if (!reply.ok || reply.redirected) return this.away(reply.ok ? 401 : reply.status);
      const found = await reply.json();
      this.base = text;
      this.unkept = this.area.value !== text;
      this.kept();
      if (this.unkept) this.remember();
      else this.forget();
      this.show(found.told, found.changed_lines);
      await this.refresh(false);
    } catch (error) {
      if (error.name !== "AbortError") this.away(0);
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

  // Takes the parts of the page beside the editor anew.
  async refresh(count) {
    if (this.unkept && count) await this.timersDone();
    const address = new URL(this.area.dataset.parts, location.href);
    const here = new URL(location.href).searchParams;
    for (const [name, value] of here) if (name !== "did" && name !== "already") address.searchParams.append(name, value);
    address.searchParams.set("count", count ? "1" : "0");
    address.searchParams.set("names", count ? "1" : "0");
    try {
      const reply = await fetch(address, { headers: { "hx-request": "true" } });
      if (reply.ok && !reply.redirected) {
        this.put(await reply.text());
        this.tell();
      }
    } catch { /* The next look tries again. */ }
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
      // What has the focus, or is being chosen in, stays until the next look.
      if (!old || old.outerHTML === fresh.outerHTML || (old.contains(document.activeElement) && !fresh.hasAttribute("data-busy"))) continue;
      const open = new Set([...old.querySelectorAll("details[open][id]")].map((one) => one.id));
      for (const one of fresh.querySelectorAll("details[id]")) if (open.has(one.id)) one.open = true;
      old.replaceWith(document.importNode(fresh, true));
    }
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
