/** `2026-11-24 08:00:00 UTC`, of a time as the API has it; nothing of none. */
export function timeText(time: string): string {
  return time.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC');
}
