import { describe, expect, it } from "vitest";
import { joined, Markup, markup } from "./markup.js";

describe("markup", () => {
  it("escapes what would end an element or an attribute, and nothing twice", () => {
    const name = `"><script>alert('1')</script>&amp;\``;
    const inner = markup`<b title="${name}">${name}</b>`;
    const text = `&#34;&#62;&#60;script&#62;alert(&#39;1&#39;)&#60;/script&#62;&#38;amp;&#96;`;
    expect(markup`<p>${inner}</p>`.text).toBe(`<p><b title="${text}">${text}</b></p>`);
  });

  it("prints lists of markup, numbers, and nothing for what is not there", () => {
    expect(markup`${[markup`<i>a</i>`, markup`<i>b</i>`]}${1}${undefined}${null}${false}${""}`.text).toBe(
      "<i>a</i><i>b</i>1",
    );
    expect(joined([new Markup("a"), new Markup("b")], ", ").text).toBe("a, b");
    expect(joined([], ", ").text).toBe("");
  });

  it("shows what turns the direction of the writing, is invisible, or is no character", () => {
    expect(markup`${"CN=\u202egro.elpmaxe\u202c a\u200bb \u2066x\ufeff \u0000\u001b[31m \ud800"}`.text).toBe(
      "CN=\\u202egro.elpmaxe\\u202c a\\u200bb \\u2066x\\ufeff \\u0000\\u001b[31m \ufffd",
    );
  });

  it("leaves other languages and line breaks alone", () => {
    expect(markup`${"CN=Prüfstelle, 認証局, שלום\n\tO=Ω"}`.text).toBe("CN=Prüfstelle, 認証局, שלום\n\tO=Ω");
  });
});
