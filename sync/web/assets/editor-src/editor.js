// The editor of rule files: a textarea becomes an editor, and the parts of the page beside it are kept up
// to date with what is typed. Without this script the textarea and its form do the same by hand.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { HighlightStyle, StreamLanguage, bracketMatching, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { toml } from "@codemirror/legacy-modes/mode/toml";
import { linter, lintGutter, nextDiagnostic, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, drawSelection, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

import { completions } from "./complete.js";
import { Desk } from "./desk.js";

// The colours are those of the style sheet, so that both schemes fit.
const colours = syntaxHighlighting(HighlightStyle.define([
  { tag: tags.comment, color: "var(--code-comment)" },
  { tag: tags.string, color: "var(--code-string)" },
  { tag: [tags.number, tags.bool, tags.atom, tags.literal], color: "var(--code-value)" },
  { tag: [tags.keyword, tags.propertyName, tags.definition(tags.propertyName)], color: "var(--code-key)" },
  { tag: tags.bracket, color: "var(--code-table)" },
]));

const setChanged = StateEffect.define();
const changedLine = Decoration.line({ class: "cm-changed" });
const changedLines = StateField.define({
  create: () => Decoration.none,
  update(marks, transaction) {
    for (const effect of transaction.effects) {
      if (effect.is(setChanged)) {
        const lines = effect.value.filter((number) => number <= transaction.state.doc.lines);
        return Decoration.set(lines.map((number) => changedLine.range(transaction.state.doc.line(number).from)));
      }
    }
    return marks.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

function place(doc, told) {
  const line = doc.line(Math.min(Math.max(told.line, 1), doc.lines));
  const from = told.column ? Math.min(line.from + told.column - 1, line.to) : line.from;
  const to = told.end > told.column ? Math.min(line.from + told.end - 1, line.to) : line.to;
  return { from, to: Math.max(from, to) };
}

function diagnostic(doc, told) {
  return {
    ...place(doc, told),
    severity: told.level === "mistake" ? "error" : "warning",
    message: `${told.what} ${told.remedy}`.trim(),
    actions: told.fixes.map((fix) => ({ name: fix.label, apply: (view) => mend(view, fix) })),
  };
}

function mend(view, fix) {
  const line = view.state.doc.line(Math.min(fix.line, view.state.doc.lines));
  const from = Math.min(line.from + fix.column - 1, line.to);
  view.dispatch({ changes: { from, to: Math.min(line.from + fix.end - 1, line.to), insert: fix.text } });
  view.focus();
}

function goTo(view, number) {
  const line = view.state.doc.line(Math.min(Math.max(number, 1), view.state.doc.lines));
  view.dispatch({ selection: { anchor: line.from }, effects: EditorView.scrollIntoView(line.from, { y: "center" }) });
}

// Where text is typed over a selection, the browser would give the new text the colours of the old one as
// inline style, which the page forbids and the console would tell of.
function typedOver(event, view) {
  const { from, to, empty } = view.state.selection.main;
  const text = event.data;
  if (event.inputType !== "insertText" || !text || empty || view.composing || view.state.selection.ranges.length > 1) return false;
  const insert = () => view.state.update(view.state.replaceSelection(text), { userEvent: "input.type", scrollIntoView: true });
  if (!view.state.facet(EditorView.inputHandler).some((handle) => handle(view, from, to, text, insert))) view.dispatch(insert());
  event.preventDefault();
  return true;
}

function start(area) {
  const desk = new Desk(area);
  // The place of Escape: after it, Tab leaves the editor instead of indenting.
  let leaves = false;
  const keys = keymap.of([
    { key: "Mod-s", preventDefault: true, run: () => desk.save() },
    { key: "F8", run: nextDiagnostic },
    { key: "Escape", run: () => { leaves = true; return false; } },
    { key: "Tab", run: (view) => !leaves && indentWithTab.run(view) },
    { key: "Shift-Tab", run: (view) => !leaves && indentWithTab.shift(view) },
    ...closeBracketsKeymap, ...completionKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap,
  ]);
  const view = new EditorView({
    parent: area.parentElement,
    doc: area.value,
    extensions: [
      EditorView.cspNonce.of(area.dataset.nonce),
      EditorView.contentAttributes.of({ "aria-label": area.getAttribute("aria-label"), "aria-describedby": "editor-keys", tabindex: "0" }),
      EditorState.readOnly.of(area.readOnly),
      EditorView.lineWrapping,
      indentUnit.of("  "), StreamLanguage.define(toml), colours,
      lineNumbers(), lintGutter(), highlightActiveLine(), highlightActiveLineGutter(), drawSelection(),
      history(), bracketMatching(), closeBrackets(), search({ top: true }), highlightSelectionMatches(),
      changedLines, linter(null), autocompletion({ override: [completions(desk)] }), keys,
      EditorView.domEventHandlers({
        beforeinput: typedOver,
        blur: () => { leaves = false; },
        keydown: (event) => { if (!["Tab", "Escape", "Shift"].includes(event.key)) leaves = false; },
      }),
      EditorView.updateListener.of((update) => {
        if (!update.docChanged) return;
        area.value = view.state.doc.toString();
        desk.typed();
      }),
    ],
  });
  area.hidden = true;
  document.documentElement.classList.add("has-editor");
  desk.show = (told, lines) => {
    const found = told.filter((one) => one.file === desk.file).map((one) => diagnostic(view.state.doc, one));
    view.dispatch(setDiagnostics(view.state, found), { effects: setChanged.of(lines) });
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-line], button[data-fix]");
    if (!link) return;
    event.preventDefault();
    if (link.dataset.fix) return mend(view, JSON.parse(link.dataset.fix));
    goTo(view, Number(link.dataset.line));
    view.focus();
  });
  desk.putBack = (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
  const wanted = /^#L(\d+)$/.exec(location.hash);
  if (wanted) goTo(view, Number(wanted[1]));
  desk.begin();
}

const area = document.getElementById("rule-text");
if (area) start(area);
