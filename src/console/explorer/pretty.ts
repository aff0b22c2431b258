/** A body laid out for reading; as it is where it is neither JSON nor XML. */
export function pretty(text: string): string {
  if (/^\s*</.test(text)) return prettyXml(text);
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** The API's XML has no text beside elements, so each tag may stand on a line of its own. */
function prettyXml(text: string): string {
  const lines: string[] = [];
  let depth = 0;
  for (const [tag] of text.matchAll(/<\?.*?\?>|<\/[^>]*>|<[^>]*\/>|<[^>]*>(?:[^<]*<\/[^>]*>)?/gs)) {
    const isEnd = tag.startsWith('</');
    const opens = !isEnd && !tag.startsWith('<?') && !tag.endsWith('/>') && !tag.includes('</');
    if (isEnd) depth -= 1;
    lines.push('  '.repeat(Math.max(0, depth)) + tag);
    if (opens) depth += 1;
  }
  return lines.join('\n');
}
