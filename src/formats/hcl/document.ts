import type { Span } from "../line-index.js";

export interface HclString {
  kind: "string";
  value: string;
  heredoc: boolean;
  span: Span;
}

export interface HclNumber {
  kind: "number";
  /** Integers beyond 2^53 lose their last digits here; `text` has them all. */
  value: number;
  /** Only integers may stand where a string is wanted; the decoder then takes their text. */
  integer: boolean;
  text: string;
  span: Span;
}

export interface HclBoolean {
  kind: "boolean";
  value: boolean;
  span: Span;
}

/** JSON's null, or a key with nothing after its `=`. Go's decoder behaves as if the key were not there. */
export interface HclNull {
  kind: "null";
  span: Span;
}

export interface HclList {
  kind: "list";
  items: readonly HclValue[];
  span: Span;
}

export interface HclObject {
  kind: "object";
  items: readonly HclItem[];
  span: Span;
}

export type HclValue = HclString | HclNumber | HclBoolean | HclNull | HclList | HclObject;

export interface HclKey {
  name: string;
  quoted: boolean;
  span: Span;
}

/** `key = value`, or `key "label" { … }`: the first key is the item's name, the rest are its labels. */
export interface HclItem {
  keys: readonly [HclKey, ...HclKey[]];
  form: "assignment" | "block";
  value: HclValue;
  span: Span;
}

/** One piece of the text. The pieces of a document, spaces and comments among them, join up to exactly its text. */
export interface Token {
  kind: TokenKind;
  start: number;
  end: number;
}

export type TokenKind =
  | "space"
  | "comment"
  | "identifier"
  | "boolean"
  | "null"
  | "integer"
  | "float"
  | "string"
  | "heredoc"
  | "{"
  | "}"
  | "["
  | "]"
  | ","
  | "="
  | ":";

export interface HclDocument {
  syntax: "hcl" | "json";
  text: string;
  /** Repeated keys and blocks are all here, in the order of the text. */
  items: readonly HclItem[];
  tokens: readonly Token[];
}
