import { Boundary } from '../../src/api/boundary.ts';

/** What an operator who has set nothing allows, on a machine without addresses. */
export const openBoundary = new Boundary({
  poolNetworks: [],
  backendNetworks: [],
  endpoints: () => [],
  machine: () => new Set(),
});
