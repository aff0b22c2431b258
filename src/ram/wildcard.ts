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
