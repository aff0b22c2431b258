import { readme } from './readme.ts';
import { filled, flatCall, type Language, type SampleRequest } from './sample.ts';
import { shellFlag, shellWord } from './text.ts';

/** Sluice's own command line. */
export const sluiceCli: Language = {
  id: 'sluice-cli',
  title: 'Sluice CLI',
  offers: () => true,
  installs: () => 'npm install',
  source,
  project: (request) => ({
    'call.sh': `#!/usr/bin/env bash\n${source(request)}`,
    'README.md': readme(request, 'the Sluice CLI', ['bash call.sh']),
  }),
};

function source(request: SampleRequest): string {
  const { action, headers } = flatCall(request);
  const flags = [
    `--endpoint ${shellWord(request.endpoint)}`,
    ...headers.map(([name, text]) => `--header ${shellWord(`${name}=${text}`)}`),
    ...Object.entries(filled(request)).map(([name, value]) => shellFlag(name, toText(value))),
  ];
  return `${[`sluice ${action}`, ...flags].join(' \\\n  ')}\n`;
}

/** It takes every list as JSON. */
const toText = (value: unknown) =>
  typeof value === 'object' ? JSON.stringify(value) : String(value);
