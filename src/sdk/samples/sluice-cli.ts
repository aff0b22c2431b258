import { readme } from './readme.ts';
import { flatCall, type Language, type SampleRequest } from './sample.ts';
import { shellWord } from './text.ts';

/** Sluice's own command line. */
export const sluiceCli: Language = {
  id: 'sluice-cli',
  title: 'Sluice CLI',
  offers: () => true,
  installs: () => 'npm install',
  source,
  project: (request) => ({
    'call.sh': `#!/bin/sh\n${source(request)}`,
    'README.md': readme(request, 'the Sluice CLI', ['sh call.sh']),
  }),
};

function source(request: SampleRequest): string {
  const { action, query, headers } = flatCall(request);
  const flags = [
    `--endpoint ${shellWord(request.endpoint)}`,
    ...headers.map(([name, text]) => `--header ${shellWord(`${name}=${text}`)}`),
    ...query.map(([name, text]) => `--${name} ${shellWord(text)}`),
  ];
  return `${[`sluice ${action}`, ...flags].join(' \\\n  ')}\n`;
}
