const lineWidth = 100;

/**
 * Rows in aligned columns. The last column is wrapped at 100 characters, its further lines
 * under its first.
 */
export function columns(rows: readonly (readonly string[])[], indent = ''): string {
  const count = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, index) =>
    Math.max(...rows.map((row) => (index < row.length - 1 ? row[index]!.length : 0))),
  );
  return rows
    .map((row) => {
      const cells = row.slice(0, -1).map((cell, index) => `${cell.padEnd(widths[index]!)}  `);
      const lead = indent + cells.join('');
      const last = wrap(row.at(-1) ?? '', Math.max(40, lineWidth - lead.length));
      return `${lead}${last.replaceAll('\n', `\n${' '.repeat(lead.length)}`)}`.trimEnd();
    })
    .join('\n');
}

/** A text broken at spaces into lines of at most `width`; longer words stay whole. */
export function wrap(text: string, width = lineWidth): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.join('\n');
}
