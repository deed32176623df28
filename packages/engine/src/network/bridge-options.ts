import { EngineError } from '@gantry/base';
import { parseIp } from '@gantry/net';
import { option } from './option-names.ts';
import type { NetworkRecord } from './types.ts';

/** How ports of a bridge network's containers are reached from outside: Docker's gateway modes. */
export type GatewayMode = 'nat' | 'nat-unprotected' | 'routed' | 'isolated';

/** A bridge network's options, typed. */
export type BridgeOptions = {
  readonly bridgeName: string;
  readonly interContainer: boolean;
  readonly masquerade: boolean;
  /** Where ports without a host address are published; empty: everywhere. */
  readonly hostBinding: string;
  readonly gatewayMode: { readonly ipv4: GatewayMode; readonly ipv6: GatewayMode };
  /** The bridge gets no IPv4 address and containers no IPv4 gateway. */
  readonly inhibitIpv4: boolean;
  /** 0: the kernel's default. */
  readonly mtu: number;
  /** `eth` unless changed. */
  readonly interfacePrefix: string;
};

const modes: readonly string[] = ['nat', 'nat-unprotected', 'routed', 'isolated'] satisfies readonly GatewayMode[];
const isMode = (text: string): text is GatewayMode => modes.includes(text);

/** Reads the options of a bridge network. @throws invalid, in Docker's words */
export function parseBridgeOptions(network: Pick<NetworkRecord, 'id' | 'options' | 'internal'>): BridgeOptions {
  const { options } = network;
  const given = options[option.bridgeName] ?? '';
  const bridgeName = given === '' ? `br-${network.id.slice(0, 12)}` : given;
  if (!/^[^\s/:]{1,15}$/.test(bridgeName) || bridgeName === '.' || bridgeName === '..')
    throw new EngineError(
      'invalid',
      `invalid bridge name "${bridgeName}": at most 15 characters, no space, slash or colon`,
    );
  return {
    bridgeName,
    interContainer: parseFlag(options, option.interContainer, true),
    masquerade: parseFlag(options, option.masquerade, true),
    hostBinding: parseBinding(options[option.hostBinding] ?? ''),
    gatewayMode: {
      ipv4: parseMode(options[option.gatewayModeIpv4] ?? '', network.internal),
      ipv6: parseMode(options[option.gatewayModeIpv6] ?? '', network.internal),
    },
    inhibitIpv4: parseFlag(options, option.inhibitIpv4, false),
    mtu: parseMtu(options[option.mtu] ?? ''),
    interfacePrefix: parsePrefix(options[option.interfacePrefix] ?? ''),
  };
}

function parseFlag(options: Readonly<Record<string, string>>, name: string, otherwise: boolean): boolean {
  const text = options[name] ?? '';
  if (text === '') return otherwise;
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false;
  throw new EngineError(
    'invalid',
    `failed to parse ${name} value: ${text} (strconv.ParseBool: parsing "${text}": invalid syntax)`,
  );
}

function parseBinding(text: string): string {
  if (text !== '' && parseIp(text) === undefined)
    throw new EngineError('invalid', `failed to parse ${option.hostBinding} value: ${text} (invalid IP address)`);
  return text === '0.0.0.0' ? '' : text;
}

function parseMode(text: string, internal: boolean): GatewayMode {
  if (text === '') return 'nat';
  if (!isMode(text)) throw new EngineError('invalid', `unknown gateway mode ${text}`);
  if (text === 'isolated' && !internal)
    throw new EngineError('invalid', "gateway mode 'isolated' can only be used for an internal network");
  return text;
}

function parseMtu(text: string): number {
  if (text === '') return 0;
  const mtu = Number(text);
  if (!/^-?\d+$/.test(text))
    throw new EngineError(
      'invalid',
      `failed to parse ${option.mtu} value: ${text} (strconv.Atoi: parsing "${text}": invalid syntax)`,
    );
  if (mtu < 0 || (mtu > 0 && mtu < 68) || mtu > 65535) throw new EngineError('invalid', `invalid MTU number: ${mtu}`);
  return mtu;
}

function parsePrefix(text: string): string {
  if (text === '') return 'eth';
  if (!/^[A-Za-z][A-Za-z0-9_-]{0,9}$/.test(text))
    throw new EngineError('invalid', `invalid interface prefix "${text}"`);
  return text;
}
