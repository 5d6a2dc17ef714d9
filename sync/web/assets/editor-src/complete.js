// What can be typed at a place: tables and keys of the schema of rules, and the values that a key takes. The
// server gives the list once.

// What the key of this line, and the table around it, is.
function around(doc, position) {
  const line = doc.lineAt(position);
  let table = "";
  for (let number = line.number - 1; number > 0; number -= 1) {
    const header = /^\s*\[\[?\s*([\w."-]+)\s*\]\]?/.exec(doc.line(number).text);
    if (header) { table = header[1]; break; }
  }
  return { table, before: doc.sliceString(line.from, position) };
}

function keysOf(known, table) {
  return known.tables[table] || known.tables[table.replace(/\.[^.]+$/, ".*")] || [];
}

function options(entries, type) {
  return entries.map((one) => ({ label: one.label, apply: one.apply || one.label, detail: one.detail, info: one.info || undefined, type }));
}

export function completions(desk) {
  return async (context) => {
    const known = await desk.completions();
    const { table, before } = around(context.state.doc, context.pos);
    const header = /^\s*\[\[?([\w.-]*)$/.exec(before);
    if (header) {
      const from = context.pos - header[1].length;
      return { from, options: Object.keys(known.tables).filter(Boolean).map((label) => ({ label, type: "class" })) };
    }
    const value = /^\s*([\w-]+)\s*=\s*(.*?)("?)([\w -]*)$/.exec(before);
    if (value) {
      const key = keysOf(known, table).find((one) => one.label === value[1]);
      const values = key ? key.values : [];
      if (!values.length) return null;
      const from = context.pos - value[4].length - value[3].length;
      return { from, options: options(values.map((label) => ({ label })), "constant") };
    }
    const word = /^\s*([\w-]*)$/.exec(before);
    if (!word || (!word[1] && !context.explicit)) return null;
    return { from: context.pos - word[1].length, options: options(keysOf(known, table), "property") };
  };
}
