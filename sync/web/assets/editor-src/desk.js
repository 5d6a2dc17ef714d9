// The page around the editor: what is typed is kept and checked by the server 300 ms after the last key, and
// the plan is counted 800 ms after it. A newer key gives up what is under way for an older one.

const CHECK = 300;
const COUNT = 800;
const POLL = 500;
const QUIET = 15000;

export class Desk {
  constructor(area) {
    this.area = area;
    this.form = area.form;
    this.file = area.dataset.file;
    this.timers = {};
    this.asked = null;
    this.show = () => {};
  }

  begin() {
    this.form.addEventListener("submit", () => { this.leaving = true; clearTimeout(this.timers.check); });
    window.addEventListener("beforeunload", (event) => {
      if (this.unkept && !this.leaving) event.preventDefault();
    });
    const first = document.getElementById("told-data");
    if (first) this.tell(JSON.parse(first.textContent));
    this.restore();
    this.later("poll", QUIET, () => this.refresh(false));
    this.poll();
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
    const button = this.form.querySelector("button[value=save]");
    if (button && !button.disabled) this.form.requestSubmit(button);
    return true;
  }

  later(name, wait, work) {
    clearTimeout(this.timers[name]);
    this.timers[name] = setTimeout(work, wait);
  }

  // The draft in the browser, for while the server does not answer.
  get place() { return `ticket-sync draft ${this.form.elements.draft.value} ${this.file}`; }

  remember() {
    try { sessionStorage.setItem(this.place, this.area.value); } catch { /* A full or forbidden store. */ }
  }

  forget() {
    try { sessionStorage.removeItem(this.place); } catch { /* As above. */ }
  }

  restore() {
    let kept = null;
    try { kept = sessionStorage.getItem(this.place); } catch { return; }
    if (kept !== null && kept === this.area.value) this.forget();
  }

  async check() {
    this.asked = new AbortController();
    const text = this.area.value;
    const before = this.place;
    try {
      const reply = await fetch(this.area.dataset.check, {
        method: "POST",
        body: new URLSearchParams({ _token: this.form.elements._token.value, draft: this.form.elements.draft.value, text }),
        signal: this.asked.signal,
      });
      if (!reply.ok) return this.away(reply.status);
      const found = await reply.json();
      try { sessionStorage.removeItem(before); } catch { /* As above. */ }
      if (String(found.draft) !== this.form.elements.draft.value) this.became(found.draft);
      this.unkept = this.area.value !== text;
      if (!this.unkept) this.forget();
      this.tell(found);
      await this.refresh(false);
    } catch (error) {
      if (error.name !== "AbortError") this.away(0);
    }
  }

  became(draft) {
    for (const field of document.querySelectorAll("input[name=draft]")) field.value = draft;
    const address = new URL(location.href);
    address.searchParams.set("draft", draft);
    window.history.replaceState(null, "", address);
  }

  tell(found) {
    this.show(found.told, found.changed_lines);
  }

  away(status) {
    const said = document.getElementById("kept");
    if (!said) return;
    said.textContent = status === 401 || status === 303
      ? "Your session is over. What you typed stays here; sign in in another tab."
      : "Not kept on the server: it does not answer. What you typed stays in this browser.";
    this.later("check", 5000, () => this.check());
  }

  // Takes the parts of the page beside the editor anew.
  async refresh(count) {
    if (this.unkept && count) await this.timersDone();
    const address = new URL(this.area.dataset.parts, location.href);
    const here = new URL(location.href).searchParams;
    for (const [name, value] of here) if (name !== "did" && name !== "already") address.searchParams.append(name, value);
    address.searchParams.set("count", count ? "1" : "0");
    try {
      const reply = await fetch(address, { headers: { "hx-request": "true" } });
      if (reply.ok && !reply.redirected) this.put(await reply.text());
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
    this.later("poll", busy ? POLL : QUIET, () => this.refresh(false));
  }

  async completions() {
    this.known ||= fetch(this.area.dataset.completions).then((reply) => reply.json());
    return this.known;
  }
}
