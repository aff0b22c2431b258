/**
 * True when `text` fits `pattern`, where `*` is any run of characters, also none, and `?` one
 * character. Only the last `*` is ever moved, so it takes at most as many steps as pattern and
 * text have characters multiplied, whatever the pattern: no regular expression that could hang.
 */
export function fits(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    const wanted = pattern[p];
    if (wanted === '*') {
      star = p;
      p += 1;
      resume = t;
    } else if (wanted === '?') {
      p += 1;
      t += text.codePointAt(t)! > 0xffff ? 2 : 1;
    } else if (wanted === text[t]) {
      p += 1;
      t += 1;
    } else if (star >= 0) {
      resume += 1;
      p = star + 1;
      t = resume;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}

/**
 * True when some text fits both patterns. Takes as many steps as they have characters multiplied.
 */
export function overlaps(one: string, other: string): boolean {
  /** For each beginning of `other`: whether a text fits it and the beginning of `one` so far. */
  let row = [true];
  for (let j = 1; j <= other.length; j++) row[j] = row[j - 1]! && other[j - 1] === '*';
  for (let i = 1; i <= one.length; i++) {
    const a = one[i - 1]!;
    const next = [row[0]! && a === '*'];
    for (let j = 1; j <= other.length; j++) {
      const b = other[j - 1]!;
      const isSame = a === b || a === '?' || b === '?';
      next[j] =
        a === '*' || b === '*' ? row[j]! || next[j - 1]! || row[j - 1]! : isSame && row[j - 1]!;
    }
    row = next;
  }
  return row.at(-1)!;
}
