/** What our registry says of deltas and our client looks for; everyone else passes it over. ADR 18. */

/** On manifests: this registry may be asked for deltas. */
export const deltaOffer: Readonly<Record<string, string>> = { 'gantry-deltas': '1' };

/** On a delta: which of the bases that were named it is from. */
export const deltaBaseHeader = 'gantry-delta-base';

/** More of them are not looked at. */
export const maximumBases = 4;
