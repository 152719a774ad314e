/** What stands in place of a value that may be secret. */
export const hidden = "(hidden)";

const secretName = /password|passwd|secret|token|private|database_url/i;

/** The value of a variable or option, unless its name or its form says that it may hold a secret. */
export function shownValue(name: string, value: string): string {
  if (value === "" || /_file$/i.test(name)) return value;
  return secretName.test(name) || /^[a-z+]+:\/\/[^/]*:[^/]*@/i.test(value) ? hidden : value;
}

/** A command line without the values of options that may be secret: `-joinToken x`, `--password=x`. */
export function shownCommand(command: readonly string[]): string[] {
  return command.map((argument, index) => {
    const assigned = /^(-{1,2}[\w-]+)=(.*)$/s.exec(argument);
    if (assigned !== null) return `${assigned[1]}=${shownValue(assigned[1]!, assigned[2]!)}`;
    const option = command[index - 1];
    return option?.startsWith("-") && !option.includes("=") && !argument.startsWith("-")
      ? shownValue(option, argument)
      : argument;
  });
}
