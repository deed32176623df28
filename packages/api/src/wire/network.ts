export type IpamPoolWire = {
  Subnet?: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Readonly<Record<string, string>>;
};

export type NetworkContainerWire = {
  Name: string;
  EndpointID: string;
  MacAddress: string;
  IPv4Address: string;
  IPv6Address: string;
};

export type NetworkWire = {
  Name: string;
  Id: string;
  Created: string;
  Scope: string;
  Driver: string;
  EnableIPv4: boolean;
  EnableIPv6: boolean;
  IPAM: { Driver: string; Options: Readonly<Record<string, string>> | null; Config: readonly IpamPoolWire[] | null };
  Internal: boolean;
  Attachable: boolean;
  Ingress: boolean;
  ConfigFrom: { Network: string };
  ConfigOnly: boolean;
  Containers: Readonly<Record<string, NetworkContainerWire>>;
  Options: Readonly<Record<string, string>>;
  Labels: Readonly<Record<string, string>>;
};

export type NetworkCreatedWire = { Id: string; Warning: string };
export type NetworksPrunedWire = { NetworksDeleted: readonly string[] | null };
