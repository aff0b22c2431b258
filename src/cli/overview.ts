import { flagOf, forwarderSettings, type Setting, upSettings } from '../settings.ts';
import { columns } from './text.ts';

const commands = [
  ['up', 'start everything on this machine: API, store, one forwarder, the sample'],
  ['control-plane', 'start the API and the store only'],
  ['forwarder', 'carry the traffic of one site on this machine'],
  ['stop', 'end the traffic that a Sluice left running when it was stopped'],
  ['<Action> --Parameter value …', 'call an action of the API, such as DescribeLoadBalancers'],
  ['backup FILE', 'write the whole store to a file, while it is in use'],
  ['restore FILE', 'fill an empty store with a backup'],
  ['keys rotate', 'seal every secret of the store with a new master key'],
  ['drains [--watch]', 'removed servers that still have sessions'],
  ['console', 'a link that signs in at the web console, once, on its own machine'],
  ['audit export|verify', 'the audit log as JSON lines; whether it is as it was written'],
  ['actions', 'list all actions'],
  ['help [<Action>]', 'print this, or what an action takes (also: <Action> --help)'],
  ['version', 'print the version'],
];

/** What `sluice help` prints. */
export function overview(version: string): string {
  const exits = 'Exit codes: 0 done, 1 refused or failed, 2 not understood.';
  return `Sluice ${version}\n\n${columns(commands, '  sluice ')}\n\n${exits}\n`;
}

const modes = {
  up: { settings: upSettings, does: 'starts everything on this machine' },
  'control-plane': { settings: upSettings, does: 'starts the API and the store only' },
  forwarder: { settings: forwarderSettings, does: 'carries the traffic of one site' },
};

/** What `sluice up --help` and its kin print: every setting with its flag and variable. */
export function settingsHelp(mode: keyof typeof modes): string {
  const { settings, does } = modes[mode];
  const rule =
    'In brackets: the variable that does the same, and the default. Flags win over variables,\n' +
    'variables over the settings file.';
  return `sluice ${mode}  ${does}\n\n${columns(settings.map(settingRow), '  ')}\n\n${rule}\n`;
}

/** A flag, what it does, and in brackets its variable and default. */
function settingRow(setting: Setting): string[] {
  const { variable, value, fallback, text } = setting;
  const flag = flagOf(setting);
  const label = flag === undefined ? variable : `--${flag.name}${value ? ` ${value}` : ''}`;
  const facts = [
    ...(flag === undefined
      ? []
      : [flag.name === `no-${setting.name}` ? `${variable}=0` : variable]),
    ...(value && fallback ? [fallback] : []),
  ];
  return [label, facts.length === 0 ? text : `${text} [${facts.join(', ')}]`];
}
