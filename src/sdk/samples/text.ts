/** How a language writes what cannot stand in a text as it is. */
export interface Escapes {
  readonly quote: "'" | '"';
  /** Further characters and what is written for them. */
  readonly further?: Readonly<Record<string, string>>;
  /** Escapes all but ASCII, for compilers that read a file as the machine's own script. */
  readonly ascii?: true;
  /** What is written for a character by its number; without it, `\uXXXX` for each UTF-16 unit. */
  readonly byNumber?: (codePoint: number) => string;
}

/**
 * A text as a literal on one line. Besides quotes and backslashes it escapes whatever is not seen
 * (controls, line separators, marks that turn the direction of writing), so that nobody reads
 * other code than what runs. Letters of all scripts stay as they are.
 */
export function literal(
  text: string,
  { quote, further = {}, ascii, byNumber = byUnits }: Escapes,
): string {
  const named: Readonly<Record<string, string>> = {
    ...{ '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' },
    [quote]: `\\${quote}`,
    ...further,
  };
  const inner = Array.from(text, (character) => {
    const escaped = named[character];
    if (escaped !== undefined) return escaped;
    const unseen = ascii ? /[^\x21-\x7e]/u : /[\p{C}\p{Z}]/u;
    const isSeen = character === ' ' || !unseen.test(character);
    return isSeen ? character : byNumber(character.codePointAt(0)!);
  });
  return `${quote}${inner.join('')}${quote}`;
}

const hex = (number: number, digits: number) => number.toString(16).padStart(digits, '0');

function byUnits(codePoint: number): string {
  const units = String.fromCodePoint(codePoint);
  return Array.from({ length: units.length }, (_, index) => {
    return `\\u${hex(units.charCodeAt(index), 4)}`;
  }).join('');
}

/** `\u2028` and `\U0001f600`: Python, Go and HCL. */
export function byCodePoint(codePoint: number): string {
  return codePoint > 0xffff ? `\\U${hex(codePoint, 8)}` : `\\u${hex(codePoint, 4)}`;
}

/** One line for each item, each with a line end. */
export function linesOf<T>(items: readonly T[], line: (item: T) => string): string {
  return items.map((item) => `${line(item)}\n`).join('');
}

/** Its bytes in UTF-8: `\u` of a shell depends on the locale. */
function byShellNumber(codePoint: number): string {
  const bytes = new TextEncoder().encode(String.fromCodePoint(codePoint));
  return Array.from(bytes, (byte) => `\\x${hex(byte, 2)}`).join('');
}

/**
 * Quotes a word for a shell: as POSIX has it, and in the `$'…'` of bash, zsh and ksh where a
 * character in it is not seen.
 */
export function shellWord(text: string): string {
  if (/[\p{C}\u2028\u2029]/u.test(text)) {
    return `$${literal(text, { quote: "'", byNumber: byShellNumber })}`;
  }
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A flag of a command and its value, which may itself begin like a flag. */
export function shellFlag(name: string, text: string): string {
  return `--${name}${text.startsWith('-') ? '=' : ' '}${shellWord(text)}`;
}
