import { aliyunCli } from './aliyun-cli.ts';
import { csharp } from './csharp.ts';
import { go } from './go.ts';
import { java } from './java.ts';
import { php } from './php.ts';
import { python } from './python.ts';
import type { Language } from './sample.ts';
import { sluiceCli } from './sluice-cli.ts';
import { terraform } from './terraform.ts';
import { typescript } from './typescript.ts';

/** What code is written in, in the order that it is offered. */
export const languages: readonly Language[] = [
  typescript,
  python,
  go,
  java,
  php,
  csharp,
  aliyunCli,
  sluiceCli,
  terraform,
];
