import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { doctorHtml } from "../../src/cli/render/doctor/doctor-html.js";
import { diagnose } from "../../src/doctor/diagnose.js";
import { reportOf } from "../../src/doctor/report.js";
import { fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { scenarios } from "../scenarios/registrar-refuses-client.js";
import { writeTree } from "../scenarios/support/machine-tree.js";
import { builtExecutable } from "../support/built-executable.js";
import { runCommand } from "../support/run-command.js";
import { sampleReport } from "../support/sample-report.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { peersDirectory } from "./support/peers.js";

interface AxeResults {
  violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[];
}

const programs = ["/usr/bin/chromium", "/usr/bin/chromium-browser"];
const chromiumPath = programs.find(existsSync);
const axePath = join(peersDirectory(), "axe-4.14.1/package/axe.min.js");
const isInstalled = chromiumPath !== undefined && existsSync(axePath);
if (!isInstalled) {
  const text = "chromium or axe-core not found: run test/real/peers/install.sh";
  if (process.env.REQUIRE_REAL_PEERS === "1") throw new Error(text);
  process.stderr.write(`skipped "HTML that is written": ${text}\n`);
}

describe.skipIf(!isInstalled)("HTML that is written", () => {
  let directory: TemporaryDirectory;
  let browser: Browser;
  let files: Record<string, string>;
  beforeAll(async () => {
    directory = await temporaryDirectory();
    files = { live: await liveReport(), hostile: await hostileReport(), trace: await traceReport() };
    const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"];
    const offline = ["--disable-background-networking", "--disable-component-update"];
    browser = await chromium.launch({ executablePath: chromiumPath!, args: [...quiet, ...offline] });
  });
  afterAll(async () => {
    await browser?.close();
    await directory?.[Symbol.asyncDispose]();
  });

  const looks = (["light", "dark"] as const).flatMap((scheme) =>
    [390, 1280].flatMap((width) => ["live", "hostile", "trace"].map((name) => ({ scheme, width, name }))),
  );

  it.each(looks)("$name, $scheme, $width pixels: no violation, no sideways scrolling, no request", async (look) => {
    await using opened = await open(look.name, look, true);
    const { page, requests, errors } = opened;
    await page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true");
    const beyond = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    const { violations } = await axe(page);
    const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
    expect({ told, beyond, requests, errors }).toEqual({ told: [], beyond: 0, requests: [], errors: [] });
  });

  it("is reached by the keyboard: every link, fold and button in the order of the page", async () => {
    await using opened = await open("live", { scheme: "light", width: 1280 });
    const { page } = opened;
    const all = "[...document.querySelectorAll('a[href], summary, button')].filter((each) => each.offsetParent).length";
    const wanted = (await page.evaluate(all)) as number;
    const reached = new Set<string>();
    for (let presses = 0; presses < wanted; presses++) {
      await page.keyboard.press("Tab");
      const focused = "document.activeElement.tagName + ' ' + document.activeElement.textContent";
      reached.add((await page.evaluate(focused)) as string);
    }
    expect(wanted).toBeGreaterThan(8);
    expect([...reached].filter((each) => each.startsWith("BODY"))).toEqual([]);
  });

  it("gives no script but its own a chance, whatever a certificate is called", async () => {
    await using opened = await open("hostile", { scheme: "light", width: 390 });
    expect(opened.dialogs).toEqual([]);
    expect(await opened.page.locator("img, iframe, object, form").count()).toBe(0);
    expect(await opened.page.locator(".command button").count()).toBeGreaterThan(0);
  });

  it("copies a command, or selects it where the clipboard is closed to a file", async () => {
    await using opened = await open("hostile", { scheme: "light", width: 390 });
    const button = opened.page.locator(".command button").first();
    await button.click();
    await opened.page.waitForFunction("document.querySelector('.command button').textContent !== 'Copy'");
    const outcome = await button.textContent();
    const taken = outcome === "Selected" ? "String(getSelection())" : "navigator.clipboard.readText()";
    expect(["Copied", "Selected"]).toContain(outcome);
    if (outcome === "Copied") await opened.page.context().grantPermissions(["clipboard-read"]);
    expect(await opened.page.evaluate(taken)).toBe('cp "a & b" <c>');
  });

  /** With `bypassCSP` a script of the test's own may run in the page, which its policy forbids otherwise. */
  async function open(name: string, look: { scheme: "light" | "dark"; width: number }, bypassCSP = false) {
    const { scheme, width } = look;
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme: scheme, bypassCSP });
    const [requests, errors, dialogs]: [string[], string[], string[]] = [[], [], []];
    const address = pathToFileURL(files[name]!).href;
    page.on("request", (request) => void (request.url() === address || requests.push(request.url())));
    page.on("pageerror", (error) => void errors.push(error.message));
    page.on("dialog", (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    await page.goto(address);
    return { page, requests, errors, dialogs, [Symbol.asyncDispose]: () => page.close() };
  }

  async function axe(page: Page): Promise<AxeResults> {
    await page.addScriptTag({ content: readFileSync(axePath, "utf8") });
    return (await page.evaluate("axe.run()")) as AxeResults;
  }

  async function liveReport(): Promise<string> {
    const pki = await fieldReportPki();
    const [scenario] = scenarios;
    await using world = await scenario!.start(pki);
    await using tree = await writeTree(...(await scenario!.tree(pki, world)));
    const diagnosis = await diagnose({
      root: tree.root,
      offline: false,
      only: [],
      skip: [],
      timeoutMs: 3000,
      nowMs: Date.now(),
    });
    const report = reportOf(diagnosis, { version: "test", failOn: "error" });
    expect(report.causes.map(({ id }) => id)).toEqual(["registrar-refuses-client"]);
    return await directory.write("live.html", doctorHtml(report, diagnosis.facts));
  }

  async function hostileReport(): Promise<string> {
    const endpoints = { known: false as const, reason: "not asked", source: "none" };
    return await directory.write("hostile.html", doctorHtml(sampleReport(), { endpoints, files: [] } as never));
  }

  async function traceReport(): Promise<string> {
    const capture = new URL("../captures/openssl-client-certificates.pcapng", import.meta.url).pathname;
    const file = directory.file("trace.html");
    await runCommand(process.execPath, [builtExecutable(), "trace", capture, "--html", file]);
    return file;
  }
});
