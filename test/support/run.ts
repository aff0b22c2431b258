/**
 * The name of this run of the tests, in front of the names of its network namespaces: `npm test`
 * finds by it what a test has left behind (scripts/leftovers.ts).
 */
export const runName = process.env.SLUICE_TEST_RUN ?? 'slt';
