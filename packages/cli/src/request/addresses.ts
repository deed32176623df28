/** Tells whether a text is an IPv4 address in dotted form. */
export function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

/** Tells whether a text is an IPv6 address, a zone not allowed. */
export function isIpv6(text: string): boolean {
  const tail = text.slice(text.lastIndexOf(':') + 1);
  const plain = isIpv4(tail) ? `${text.slice(0, -tail.length)}0:0` : text;
  const halves = plain.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  return halves.length === 2 ? groups.length <= 7 : groups.length === 8;
}

export function isIpAddress(text: string): boolean {
  return isIpv4(text) || isIpv6(text);
}

/** Checks a server's address. @throws Error in Docker's words */
export function checkIpAddress(text: string): void {
  if (!isIpAddress(text.trim())) throw new Error(`IP address is not correctly formatted: ${text}`);
}

/** Checks a domain to search. @throws Error in Docker's words */
export function checkDomain(text: string): void {
  const domain = text.trim();
  if (domain === '.') return;
  const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
  const isDomain = new RegExp(`^:?${label}(?:\\.${label})*\\.?$`).test(domain);
  if (!/[a-zA-Z]/.test(domain) || !isDomain) throw new Error(`${domain} is not a valid domain`);
}

/** Reads `host:ip` or `host=ip`, `host-gateway` for an address the engine knows. @throws Error in Docker's words */
export function parseExtraHost(text: string): string {
  const at = text.includes('=') ? text.indexOf('=') : text.indexOf(':');
  if (at <= 0) throw new Error(`bad format for add-host: ${JSON.stringify(text)}`);
  const address = text.slice(at + 1).replace(/^\[(.*)\]$/, '$1');
  if (address !== 'host-gateway' && !isIpAddress(address)) {
    throw new Error(`invalid IP address in add-host: ${JSON.stringify(address)}`);
  }
  return `${text.slice(0, at)}:${address}`;
}

/** Tells whether a text is a hardware address of six bytes or more, in any of Go's three notations. */
export function isMacAddress(text: string): boolean {
  return /^(?:[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}(?:(?:\1[0-9a-f]{2}){2})?|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}(?:\.[0-9a-f]{4})?)$/i.test(
    text,
  );
}
