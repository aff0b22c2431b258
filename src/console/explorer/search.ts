import type { Listed } from '../catalogue.ts';

/** Those that a search finds: every word of it stands in the name or the summary. */
export function search(actions: readonly Listed[], text: string): readonly Listed[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return actions.filter(({ name, summary, product }) => {
    const searched = `${product} ${name} ${summary}`.toLowerCase();
    return words.every((word) => searched.includes(word));
  });
}
