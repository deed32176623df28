import type { NetworkWire } from '@gantry/api';
import { shortId } from '@gantry/base';
import { TemplateRow } from '../template/row.ts';
import { goTimeOf } from './human.ts';
import { type Headings, labelColumns } from './list-format.ts';

export const networkHeadings: Headings = {
  ID: 'NETWORK ID',
  Name: 'NAME',
  Driver: 'DRIVER',
  Scope: 'SCOPE',
  IPv4: 'IPV4',
  IPv6: 'IPV6',
  Internal: 'INTERNAL',
  Labels: 'LABELS',
  CreatedAt: 'CREATED AT',
};

export const networkTable = 'table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}';

/** One line of `network ls`. */
export function networkRow(network: NetworkWire, isTruncated: boolean): TemplateRow {
  return new TemplateRow('*network.networkContext', {
    ID: () => (isTruncated ? shortId(network.Id) : network.Id),
    Name: () => network.Name,
    Driver: () => network.Driver,
    Scope: () => network.Scope,
    IPv4: () => String(network.EnableIPv4),
    IPv6: () => String(network.EnableIPv6),
    Internal: () => String(network.Internal),
    CreatedAt: () => goTimeOf(network.Created),
    ...labelColumns(network.Labels),
  });
}
