import { describe, expect, it } from "vitest";
import { Current } from "./current.js";

const closable = (name: string) => ({
  name,
  closed: 0,
  close() {
    this.closed++;
  },
});

describe("Current", () => {
  it("gives nothing before the first value", async () => {
    expect(await new Current().use(async (value) => value)).toBeUndefined();
  });

  it("closes a replaced value only when its last user is done", async () => {
    const current = new Current<ReturnType<typeof closable>>();
    const [first, second] = [closable("first"), closable("second")];
    current.replace(first);
    let finish = () => {};
    const running = current.use(async (value) => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return value?.name;
    });
    current.replace(second);
    expect(first.closed).toBe(0);
    expect(await current.use(async (value) => value?.name)).toBe("second");
    finish();
    expect(await running).toBe("first");
    expect([first.closed, second.closed]).toEqual([1, 0]);
  });

  it("closes a value nobody uses at once, also after a user failed", async () => {
    const current = new Current<ReturnType<typeof closable>>();
    const value = closable("only");
    current.replace(value);
    await expect(current.use(async () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    current.replace(undefined);
    expect(value.closed).toBe(1);
  });
});
