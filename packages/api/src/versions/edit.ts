import { isJsonObject, type Json, type JsonObject } from '../codec/json.ts';

/** Changes every object of a list, or the one object that a document is. Anything else passes as it is. */
export function eachObject(wire: Json, change: (item: JsonObject) => JsonObject): Json {
  if (Array.isArray(wire)) return wire.map((item: Json) => (isJsonObject(item) ? change(item) : item));
  return isJsonObject(wire) ? change(wire) : wire;
}

/** Changes one member of an object when it is there. Requests may spell it in any letter case. */
export function editMember(wire: JsonObject, name: string, change: (member: Json) => Json): JsonObject {
  const key = Object.keys(wire).find((candidate) => candidate.toLowerCase() === name.toLowerCase());
  const member = key === undefined ? undefined : wire[key];
  return key === undefined || member === undefined || member === null ? wire : { ...wire, [key]: change(member) };
}

/** Takes members away, in any letter case. */
export function without(wire: JsonObject, ...names: string[]): JsonObject {
  const gone = names.map((name) => name.toLowerCase());
  return Object.fromEntries(Object.entries(wire).filter(([key]) => !gone.includes(key.toLowerCase())));
}

/** Gives a member a value where it is absent or Go's empty text. */
export function withDefault(wire: JsonObject, name: string, value: Json): JsonObject {
  const key = Object.keys(wire).find((candidate) => candidate.toLowerCase() === name.toLowerCase()) ?? name;
  const given = wire[key];
  return given === undefined || given === null || given === '' ? { ...wire, [key]: value } : wire;
}
