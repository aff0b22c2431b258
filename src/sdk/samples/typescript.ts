import { readme } from './readme.ts';
import { answersOnce, flatCall, type Language, type SampleRequest } from './sample.ts';
import { linesOf, literal } from './text.ts';

/** The generic form: Alibaba Cloud publishes no typed package of ENS for Node. */
export const typescript: Language = {
  id: 'typescript',
  title: 'TypeScript',
  offers: answersOnce,
  installs: () =>
    `npm install ${Object.entries(packages)
      .map(([name, version]) => `${name}@${version}`)
      .join(' ')}`,
  source,
  project: (request) => ({
    'src/client.ts': source(request),
    'package.json': packageJson,
    'tsconfig.json': tsconfig,
    'README.md': readme(request, 'TypeScript', ['npm install', 'npm start']),
  }),
};

const packages = {
  '@alicloud/credentials': '2.4.7',
  '@alicloud/openapi-client': '0.4.15',
  '@alicloud/tea-util': '1.4.9',
};

export const quote = (text: string) => literal(text, { quote: "'" });

function source(request: SampleRequest): string {
  const { action, version, protocol, host, query, headers } = flatCall(request);
  return `// This file is auto-generated, don't edit it. Thanks.
import OpenApi, * as $OpenApi from '@alicloud/openapi-client';
import * as $Util from '@alicloud/tea-util';
import Credential from '@alicloud/credentials';

export default class Client {
  static createClient(): OpenApi {
    // The default chain finds the credentials. Prefer those that need no access key.
    const credential = new Credential();
    const config = new $OpenApi.Config({ credential });
    config.endpoint = ${quote(host)};
    return new OpenApi(config);
  }

  static createApiInfo(): $OpenApi.Params {
    return new $OpenApi.Params({
      action: ${quote(action)},
      version: ${quote(version)},
      protocol: '${protocol}',
      method: 'POST',
      authType: 'AK',
      style: 'RPC',
      pathname: '/',
      reqBodyType: 'formData',
      bodyType: 'json',
    });
  }

  static async main(args: string[]): Promise<void> {
    const client = Client.createClient();
    const params = Client.createApiInfo();
    const queries: { [key: string]: string } = {};
${linesOf(query, ([name, text]) => `    queries[${quote(name)}] = ${quote(text)};`)}\
    const headers: { [key: string]: string } = {};
${linesOf(headers, ([name, text]) => `    headers[${quote(name)}] = ${quote(text)};`)}\
    const request = new $OpenApi.OpenApiRequest({ query: queries, headers });
    const runtime = new $Util.RuntimeOptions({});
    try {
      const resp = await client.callApi(params, request, runtime);
      console.log(JSON.stringify(resp, null, 2));
    } catch (error: any) {
      console.error(error.message);
      // Where the error is explained.
      if (error.data) console.error(error.data['Recommend']);
      process.exitCode = 1;
    }
  }
}

Client.main(process.argv.slice(2));
`;
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

const packageJson = json({
  name: 'sample',
  version: '1.0.0',
  private: true,
  scripts: { start: 'tsc && node dist/client.js' },
  dependencies: packages,
  devDependencies: { '@types/node': '26.6.6', typescript: '7.0.2' },
});

const tsconfig = json({
  compilerOptions: {
    target: 'es2022',
    module: 'node16',
    moduleResolution: 'node16',
    esModuleInterop: true,
    types: ['node'],
    skipLibCheck: true,
    strict: true,
    rootDir: 'src',
    outDir: 'dist',
  },
  include: ['src'],
});
