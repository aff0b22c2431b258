import { defineConfig } from 'vite';

/** Builds the console into what the control plane serves at /console/. */
export default defineConfig({
  root: 'src/console',
  base: '/console/',
  build: {
    outDir: '../../dist/console',
    emptyOutDir: true,
    // Every file is one of the origin's: the content security policy allows no data: scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2023',
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
});
