// What pages do beyond HTML: times in words, keys, live parts that wait while somebody is at work in them.
// Everything that a page says or does works without this file.
"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const two = (number) => String(number).padStart(2, "0");
  const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

  // Settings of this browser
  const remember = (name, value) => {
    document.cookie = `ticket-sync-${name}=${value}; path=/; max-age=31536000; samesite=lax`;
  };
  const remembered = (name) =>
    document.cookie.split("; ").find((one) => one.startsWith(`ticket-sync-${name}=`))?.split("=")[1] ?? "";

  // Times
  let exact = false;
  const mine = () => root.dataset.zone === "mine";
  const parts = (when) =>
    mine()
      ? [when.getFullYear(), when.getMonth(), when.getDate(), when.getHours(), when.getMinutes(), when.getSeconds()]
      : [when.getUTCFullYear(), when.getUTCMonth(), when.getUTCDate(), when.getUTCHours(), when.getUTCMinutes(), when.getUTCSeconds()];
  const span = (seconds) => {
    for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60]]) {
      if (seconds >= 2 * size) return `${Math.round(seconds / size)} ${unit}`;
    }
    return `${Math.max(0, Math.round(seconds))} s`;
  };
  const words = (element) => {
    const when = new Date(element.dateTime);
    const [year, month, day, hour, minute, second] = parts(when);
    const clock = `${two(hour)}:${two(minute)}:${two(second)}`;
    if (exact) return `${year}-${two(month + 1)}-${two(day)} ${clock}`;
    if (element.dataset.form === "exact") return clock;
    const age = (Date.now() - when) / 1000 - skew;
    if (age < -1) return `in ${span(-age)}`;
    if (age < 2 * 86400) return `${span(age)} ago`;
    if (age < 300 * 86400) return `${day} ${months[month]} ${two(hour)}:${two(minute)}`;
    return `${day} ${months[month]} ${year}`;
  };
  // The clock of this machine may differ from the server's, by which ages are told.
  const served = document.getElementById("age")?.querySelector("time");
  const skew = served ? (Date.now() - new Date(served.dateTime)) / 1000 : 0;
  const tell = (within = document) => {
    for (const element of all("time", within)) {
      const told = words(element);
      if (element.textContent !== told) element.textContent = told;
    }
    const zone = document.getElementById("zone");
    if (zone) zone.textContent = mine() ? Intl.DateTimeFormat().resolvedOptions().timeZone : "UTC";
    const other = document.getElementById("other-zone");
    if (other) other.textContent = mine() ? "show UTC" : "show mine";
  };
  const switchTimes = () => { exact = !exact; tell(); };
  const switchZone = () => {
    root.dataset.zone = mine() ? "utc" : "mine";
    remember("zone", root.dataset.zone);
    tell();
  };

  // Light and dark
  const themes = ["", "light", "dark"];
  const nameTheme = () => {
    const button = document.getElementById("theme");
    if (button) button.textContent = root.dataset.theme ? `Colours: ${root.dataset.theme}` : "Colours: as the system";
  };
  const switchTheme = () => {
    const next = themes[(themes.indexOf(root.dataset.theme ?? "") + 1) % 3];
    if (next) root.dataset.theme = next;
    else delete root.dataset.theme;
    remember("theme", next);
    nameTheme();
  };

  // Live parts
  let paused = false;
  let failed = false;
  let updated = Date.now();
  const touched = new WeakSet();
  const busy = (region) =>
    region.contains(document.activeElement) && document.activeElement.matches("input, select, textarea, [contenteditable]")
    || region.querySelector("input[type=checkbox]:checked") !== null
    || all("details", region).some((one) => touched.has(one));
  const tellAge = () => {
    const age = document.getElementById("age");
    if (!age || !document.querySelector(".live")) return;
    const stale = failed || (!paused && Date.now() - updated > 30000);
    const at = new Date(updated);
    const [, , , hour, minute, second] = parts(at);
    const clock = `${two(hour)}:${two(minute)}:${two(second)}`;
    age.classList.toggle("late", stale);
    age.textContent = stale ? `Not updated since ${clock}` : paused ? `Paused at ${clock}` : `Updated ${span((Date.now() - updated) / 1000)} ago`;
  };
  const pause = () => {
    paused = !paused;
    const button = document.getElementById("pause");
    if (button) { button.textContent = paused ? "Go on" : "Pause"; button.setAttribute("aria-pressed", String(paused)); }
    tellAge();
  };
  document.addEventListener("toggle", (event) => { if (event.isTrusted && event.target.matches("details")) touched.add(event.target); }, true);
  document.addEventListener("htmx:before:request", (event) => {
    const region = event.target.closest?.(".live");
    if (region && event.target === region && (paused || document.hidden || busy(region))) event.preventDefault();
  });
  document.addEventListener("htmx:after:request", (event) => {
    if (!event.target.closest?.(".live")) return;
    const status = event.detail?.ctx?.response?.status ?? 0;
    failed = status !== 200;
    if (!failed) updated = Date.now();
    tellAge();
  });
  document.addEventListener("htmx:error", () => { failed = true; tellAge(); });
  document.addEventListener("htmx:after:swap", () => tell());
  document.addEventListener("htmx:before:swap", (event) => {
    // A page of an error must not take the place of what was read.
    const status = event.detail?.ctx?.response?.status ?? 200;
    if (status >= 400 && event.target.closest?.(".live")) event.preventDefault();
  });

  // Keys
  const pages = { o: "/", t: "/tickets", p: "/parked", d: "/deliveries", r: "/rules", s: "/sweeps", c: "/connections", l: "/log" };
  let went = false;
  const rows = () => all("main tbody tr, main .rows > li").filter((row) => row.querySelector("a"));
  const step = (by) => {
    const there = rows();
    const at = there.findIndex((row) => row.contains(document.activeElement));
    const next = there[Math.min(there.length - 1, Math.max(0, at + by))];
    next?.querySelector("a")?.focus();
  };
  const keysOff = () => remembered("keys") === "off";
  const nameKeys = () => {
    const button = document.getElementById("keys-switch");
    if (button) button.textContent = keysOff() ? "Switch letter keys on" : "Switch letter keys off";
  };
  const acts = {
    "/": () => document.querySelector(".search input")?.focus(),
    j: () => step(1),
    k: () => step(-1),
    t: switchTimes,
    ".": pause,
    "?": () => document.getElementById("keys")?.showPopover?.(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || keysOff()) return;
    if (event.target.closest("input, select, textarea, [contenteditable], .cm-editor")) return;
    if (went) {
      went = false;
      if (pages[event.key]) { event.preventDefault(); location.assign(pages[event.key]); }
      return;
    }
    if (event.key === "g") { went = true; setTimeout(() => { went = false; }, 1500); return; }
    if (acts[event.key]) { event.preventDefault(); acts[event.key](); }
  });

  // Copying, also where the page came by plain http
  const copy = async (button) => {
    const text = button.dataset.copy ?? document.getElementById(button.dataset.copies)?.textContent ?? "";
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      area.className = "hidden";
      button.after(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      button.focus();
    }
    const label = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 2000);
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.matches("[data-copy], [data-copies]")) copy(button);
    else if (button?.id === "pause") pause();
    else if (button?.id === "other-zone") switchZone();
    else if (button?.id === "theme") switchTheme();
    else if (button?.id === "keys-switch") { remember("keys", keysOff() ? "on" : "off"); nameKeys(); }
    else if (event.target.closest("time") && !event.target.closest("a")) switchTimes();
  });
  // A form goes out once, however often its button is pressed.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method === "post" && !form.hasAttribute("hx-post")) {
      if (form.dataset.sent) event.preventDefault();
      else { form.dataset.sent = "1"; setTimeout(() => { delete form.dataset.sent; }, 5000); }
    }
  });

  const begin = () => {
    for (const element of all("[data-script]")) element.hidden = false;
    document.querySelector("#live-controls")?.toggleAttribute("hidden", !document.querySelector(".live"));
    nameTheme();
    nameKeys();
    tell();
    tellAge();
    const done = document.getElementById("done");
    if (done) {
      done.tabIndex = -1;
      done.focus();
      // What was done is told once: a reload, or a link sent to a colleague, must not tell it again.
      const here = new URL(location.href);
      here.searchParams.delete("did");
      here.searchParams.delete("already");
      history.replaceState(null, "", here);
    }
    setInterval(tellAge, 5000);
    setInterval(() => { if (!exact) tell(); }, 60000);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
