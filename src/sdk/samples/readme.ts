import type { SampleRequest } from './sample.ts';

/** The README.md of a downloaded project. */
export function readme(request: SampleRequest, title: string, steps: readonly string[]): string {
  const isSecure = request.endpoint.startsWith('https:');
  return `# ${request.action.name}

Calls ${request.action.name} (${request.action.product} ${request.action.version}) in ${title}.

The access key comes from the default credential chain, the environment first. No key stands in the
code:

\`\`\`sh
export ALIBABA_CLOUD_ACCESS_KEY_ID=… ALIBABA_CLOUD_ACCESS_KEY_SECRET=…
${steps.join('\n')}
\`\`\`
${isSecure ? privateAuthority : ''}`;
}

const privateAuthority = `
An endpoint whose certificate is of an authority of your own needs that authority's certificate:
\`NODE_EXTRA_CA_CERTS\` (Node), \`SSL_CERT_FILE\` (Python, Go, aliyun CLI, Terraform), the trust
store (Java).
`;
