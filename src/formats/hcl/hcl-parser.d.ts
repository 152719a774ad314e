/** hashicorp/hcl version 1 compiled to JavaScript: the oracle of the tests beside this file. */
declare module "hcl-parser" {
  /** The decoded document and the error, one of them null. Throws where Go would panic. */
  export function parse(text: string): [unknown, unknown];
}
