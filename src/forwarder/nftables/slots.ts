import { createHash } from 'node:crypto';
import { limits } from '../../limits.ts';

/** Which server gets which slot. Pure; shares come from weights. */

/**
 * Slots in turn: each server has as many as its weight says, as evenly spread as can be. Weights
 * that add up to more than `limits.turnSlots` are rounded, by less than a slot each.
 * @param weights whole, above 0
 * @returns the index of a server for each slot
 */
export function turnSlots(weights: readonly number[]): number[] {
  const counts = slotCounts(weights);
  const places = counts.flatMap((count, server) =>
    Array.from({ length: count }, (_, nth) => ({ server, at: (nth + 0.5) / count })),
  );
  return places.sort((a, b) => a.at - b.at || a.server - b.server).map(({ server }) => server);
}

function slotCounts(weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const divisor = weights.reduce(greatestCommonDivisor, 0);
  if (total / divisor <= limits.turnSlots) return weights.map((weight) => weight / divisor);
  // Largest remainders, and nobody with a weight goes without.
  const exact = weights.map((weight) => (weight / total) * limits.turnSlots);
  const counts = exact.map((share) => Math.max(1, Math.floor(share)));
  const order = exact
    .map((share, server) => ({ server, rest: share - Math.floor(share) }))
    .sort((a, b) => b.rest - a.rest);
  let left = limits.turnSlots - counts.reduce((sum, count) => sum + count, 0);
  for (const { server } of order) if (left-- > 0) counts[server]! += 1;
  return counts;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/**
 * Slots by weighted rendezvous: the server with the highest score has the slot. Scores depend on
 * the server's name alone, so a server that leaves gives up its own slots and no other one moves.
 */
export function hashSlots(servers: readonly { name: string; weight: number }[]): number[] {
  const points = servers.map(({ name }) => hashPoints(name));
  return Array.from({ length: limits.hashSlots }, (_, slot) => {
    let best = 0;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (const [index, { weight }] of servers.entries()) {
      const score = weight / -Math.log(points[index]![slot]!);
      if (score > bestScore) [best, bestScore] = [index, score];
    }
    return best;
  });
}

/** A number between 0 and 1 for each slot, from the name alone. */
function hashPoints(name: string): number[] {
  const bytes = createHash('shake256', { outputLength: limits.hashSlots * 4 })
    .update(name)
    .digest();
  const at = (slot: number) => (bytes.readUInt32BE(slot * 4) + 0.5) / 2 ** 32;
  return Array.from({ length: limits.hashSlots }, (_, slot) => at(slot));
}

/**
 * Weights for the next flows that bring servers nearest to where flows stand to one another as
 * weights do: as if the next ones were poured on those that have the fewest for their weight.
 * @param servers weight, and flows that each has now
 * @returns above or equal 0, in whole hundredths of the next flows
 */
export function levelWeights(
  servers: readonly { readonly weight: number; readonly flows: number }[],
): number[] {
  const total = servers.reduce((sum, { flows }) => sum + flows, 0);
  const next = Math.max(limits.levelFlows, total / 10);
  const level = levelOf(servers, next);
  const poured = servers.map(({ weight, flows }) => Math.max(0, level * weight - flows));
  return poured.map((amount) => Math.round((amount / next) * 100));
}

/** The flows for each unit of weight after `next` more were poured. */
function levelOf(
  servers: readonly { readonly weight: number; readonly flows: number }[],
  next: number,
): number {
  const order = [...servers].sort((a, b) => a.flows / a.weight - b.flows / b.weight);
  let weights = 0;
  let flows = next;
  let level = 0;
  for (const [index, server] of order.entries()) {
    weights += server.weight;
    flows += server.flows;
    level = flows / weights;
    const following = order[index + 1];
    if (following === undefined || level <= following.flows / following.weight) break;
  }
  return level;
}
