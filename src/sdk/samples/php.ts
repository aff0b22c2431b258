import { readme } from './readme.ts';
import { answersOnce, flatCall, type Language, type SampleRequest } from './sample.ts';
import { linesOf, literal } from './text.ts';

/** The generic form, which every product has. */
export const php: Language = {
  id: 'php',
  title: 'PHP',
  offers: answersOnce,
  installs: () => `composer require ${packages.join(' ')}`,
  source,
  project: (request) => ({
    'src/Sample.php': source(request),
    'composer.json': `${JSON.stringify(
      { require: Object.fromEntries(packages.map((name) => [name, '*'])) },
      null,
      2,
    )}\n`,
    'README.md': readme(request, 'PHP', ['composer install', 'php src/Sample.php']),
  }),
};

const packages = ['alibabacloud/credentials', 'alibabacloud/darabonba-openapi'];

export const quote = (text: string) =>
  literal(text, {
    quote: '"',
    further: { $: '\\$' },
    byNumber: (codePoint) => `\\u{${codePoint.toString(16)}}`,
  });

function source(request: SampleRequest): string {
  const { action, version, protocol, host, query, headers } = flatCall(request);
  const entry = ([name, text]: readonly [string, string]) =>
    `            ${quote(name)} => ${quote(text)},`;
  return `<?php

// This file is auto-generated, don't edit it. Thanks.
namespace AlibabaCloud\\SDK\\Sample;

use AlibabaCloud\\Credentials\\Credential;
use AlibabaCloud\\Tea\\Exception\\TeaError;
use AlibabaCloud\\Tea\\Utils\\Utils\\RuntimeOptions;
use Darabonba\\OpenApi\\Models\\Config;
use Darabonba\\OpenApi\\Models\\OpenApiRequest;
use Darabonba\\OpenApi\\Models\\Params;
use Darabonba\\OpenApi\\OpenApiClient;
use Exception;

require_once __DIR__ . '/../vendor/autoload.php';

class Sample
{
    public static function createClient()
    {
        // The default chain finds the credentials. Prefer those that need no access key.
        $credential = new Credential();
        $config = new Config(["credential" => $credential]);
        $config->endpoint = ${quote(host)};
        return new OpenApiClient($config);
    }

    public static function createApiInfo()
    {
        return new Params([
            "action" => ${quote(action)},
            "version" => ${quote(version)},
            "protocol" => "${protocol}",
            "method" => "POST",
            "authType" => "AK",
            "style" => "RPC",
            "pathname" => "/",
            "reqBodyType" => "formData",
            "bodyType" => "json",
        ]);
    }

    public static function main($args)
    {
        $client = self::createClient();
        $params = self::createApiInfo();
        $queries = [
${linesOf(query, entry)}        ];
        $headers = [
${linesOf(headers, entry)}        ];
        $request = new OpenApiRequest(["query" => $queries, "headers" => $headers]);
        $runtime = new RuntimeOptions([]);
        try {
            $resp = $client->callApi($params, $request, $runtime);
            echo json_encode($resp, JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES), PHP_EOL;
        } catch (Exception $error) {
            if (!($error instanceof TeaError)) {
                $error = new TeaError([], $error->getMessage(), $error->getCode(), $error);
            }
            fwrite(STDERR, $error->message . PHP_EOL);
            // Where the error is explained.
            fwrite(STDERR, ($error->data["Recommend"] ?? "") . PHP_EOL);
            exit(1);
        }
    }
}

Sample::main(array_slice($argv, 1));
`;
}
