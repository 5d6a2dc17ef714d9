// What can be typed at a place: tables and keys of the schema of rules, the values that a key takes, names and
// filters in templates. The server gives all of it once.

// Where a position is: the path of the table, and the text of the line before it.
function around(doc, position) {
  const line = doc.lineAt(position);
  let path = [];
  for (let number = line.number - 1; number > 0; number -= 1) {
    const header = /^\s*\[\[?\s*([\w.-]+)\s*\]\]?/.exec(doc.line(number).text);
    if (header) { path = header[1].split("."); break; }
  }
  return { path, before: doc.sliceString(line.from, position) };
}

class Schema {
  constructor(known) {
    this.known = known;
    this.root = known.schema;
  }

  // A schema without references, arrays and short forms around it.
  plain(node) {
    let found = node;
    while (found) {
      if (found.$ref) found = this.root.$defs[found.$ref.split("/").pop()];
      else if (found.type === "array") found = found.items;
      else if (found.anyOf && !found.properties) {
        const table = found.anyOf.map((one) => this.plain(one)).find((one) => one && one.properties);
        return table || found;
      } else return found;
    }
    return {};
  }

  at(path) {
    let node = this.root;
    for (const name of path) {
      const plain = this.plain(node);
      node = (plain.properties && plain.properties[name]) || (typeof plain.additionalProperties === "object" && plain.additionalProperties) || {};
    }
    return this.plain(node) || {};
  }

  keys(path) {
    return Object.entries(this.at(path).properties || {}).map(([label, node]) => ({
      label, type: "property", apply: `${label} = `, info: node.description || undefined,
    }));
  }

  // The tables below a path, with dots.
  tables(path = [], depth = 0) {
    if (depth > 3) return [];
    return Object.entries(this.at(path).properties || {}).flatMap(([name]) => {
      const below = [...path, name];
      return this.at(below).properties ? [below.join("."), ...this.tables(below, depth + 1)] : [];
    });
  }

  values(path, key) {
    const node = (this.at(path).properties || {})[key] || {};
    const words = [];
    const look = (one) => {
      if (!one) return;
      if (one.$ref) look(this.root.$defs[one.$ref.split("/").pop()]);
      for (const value of one.enum || []) words.push(JSON.stringify(value));
      if (one.type === "boolean") words.push("true", "false");
      for (const branch of one.anyOf || []) look(branch);
      look(one.items);
    };
    look(node);
    return [...words, ...this.named(path, key).map((value) => JSON.stringify(value))];
  }

  // Words of upstream, and names of the sites.
  named(path, key) {
    const sites = Object.values(this.known.sites);
    const table = path[path.length - 1];
    if (table === "when" || key === "kind") {
      const words = { kind: this.known.kinds, severity: this.known.severities, platform: this.known.platforms, status: this.known.statuses };
      if (words[key]) return words[key];
    }
    if (key === "site") return Object.keys(this.known.sites);
    if (key === "project") return sites.flatMap((one) => one.projects);
    if (key === "issue_type") return [...new Set(sites.flatMap((one) => Object.values(one.issue_types || {}).flat()))];
    if (table === "fields") {
      const same = (name) => [name.toLowerCase(), name.toLowerCase().replace(/ /g, "_")].includes(key.toLowerCase());
      return sites.flatMap((one) => Object.entries(one.fields || {}).filter(([name]) => same(name)).flatMap(([, values]) => values));
    }
    return [];
  }
}

function inTemplate(known, before, position) {
  const open = before.lastIndexOf("{{");
  if (open < 0 || before.indexOf("}}", open) >= 0) return null;
  const filter = /\|\s*(\w*)$/.exec(before);
  if (filter) return { from: position - filter[1].length, options: known.filters.map((label) => ({ label, type: "function" })) };
  const name = /[\w.]*$/.exec(before)[0];
  return { from: position - name.length, options: known.names.map((label) => ({ label, type: "variable" })), validFor: /^[\w.]*$/ };
}

// Puts a value in. The quote that closes may be there, put in with the one that opens.
function closed(view, completion, from, to) {
  const quote = completion.label.endsWith('"') && view.state.sliceDoc(to, to + 1) === '"';
  view.dispatch({
    changes: { from, to: quote ? to + 1 : to, insert: completion.label },
    selection: { anchor: from + completion.label.length },
    userEvent: "input.complete",
  });
}

export function completions(desk) {
  return async (context) => {
    const known = await desk.completions();
    if (!known) return null;
    const schema = new Schema(known);
    const { path, before } = around(context.state.doc, context.pos);
    const template = inTemplate(known, before, context.pos);
    if (template) return template;
    const header = /^\s*\[\[?([\w.-]*)$/.exec(before);
    if (header) {
      const options = schema.tables().map((label) => ({ label, type: "class" }));
      return { from: context.pos - header[1].length, options, validFor: /^[\w.-]*$/ };
    }
    // Within { … } the keys are those of the inline table.
    const inline = /^\s*([\w-]+)\s*=\s*\{(?:.*[,{])?\s*([\w-]*)$/.exec(before);
    if (inline) return { from: context.pos - inline[2].length, options: schema.keys([...path, inline[1]]), validFor: /^[\w-]*$/ };
    // The names of custom fields stand in quotes.
    const value = /(?:^\s*([\w-]+)\s*=\s*\{.*?)?(?:^|[{,\s])(?:"([^"]+)"|([\w-]+))\s*=\s*\[?(?:[^[\]{}]*,\s*)?("?[\w -]*)$/.exec(before);
    if (value) {
      const words = schema.values(value[1] ? [...path, value[1]] : path, value[2] || value[3]);
      const options = words.map((label) => ({ label, type: "constant", apply: closed }));
      return options.length ? { from: context.pos - value[4].length, options } : null;
    }
    const word = /^\s*([\w-]*)$/.exec(before);
    if (!word || (!word[1] && !context.explicit)) return null;
    return { from: context.pos - word[1].length, options: schema.keys(path), validFor: /^[\w-]*$/ };
  };
}
