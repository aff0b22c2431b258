import { readme } from './readme.ts';
import { answersOnce, flatCall, type Language, type SampleRequest } from './sample.ts';
import { shellFlag, shellWord } from './text.ts';

/** Knows the products of Alibaba Cloud, and not ours. */
export const aliyunCli: Language = {
  id: 'aliyun-cli',
  title: 'aliyun CLI',
  offers: (action) => answersOnce(action) && action.product !== 'Sluice',
  installs: () => 'go install github.com/aliyun/aliyun-cli/v3/main@latest',
  source,
  project: (request) => ({
    'call.sh': `#!/usr/bin/env bash\n${source(request)}`,
    'README.md': readme(request, 'the aliyun CLI', ['bash call.sh']),
  }),
};

/** What its own list of actions lacks, so that only `--force` lets it through. */
const unlisted = ['DeleteLoadBalancer', 'DeleteLoadBalancerHTTPListener'];

function source(request: SampleRequest): string {
  const { protocol, host, query, headers } = flatCall(request);
  const { action, region = 'cn-hangzhou' } = request;
  const flags = [
    `--endpoint ${shellWord(host)}`,
    // Means http.
    ...(protocol === 'HTTP' ? ['--insecure'] : []),
    `--region ${shellWord(region)}`,
    ...(unlisted.includes(action.name) ? ['--force'] : []),
    ...headers.map(([name, text]) => `--header ${shellWord(`${name}=${text}`)}`),
    ...query.map(([name, text]) => shellFlag(name, text)),
  ];
  return `${[`aliyun ${action.product.toLowerCase()} ${action.name}`, ...flags].join(' \\\n  ')}\n`;
}
