import { type FSWatcher, realpathSync, watch } from "node:fs";
import { dirname } from "node:path";

/**
 * Calls back when anything changes in the directories of some files, of their symbolic links and of what these lead to.
 * Only a hint that comes sooner than the next poll: file systems without events, and directories that cannot be watched,
 * are silently left to the poll.
 */
export class DirectoryWatch {
  private watchers = new Map<string, FSWatcher>();

  constructor(
    private readonly paths: readonly string[],
    private readonly onChange: () => void,
  ) {
    this.refresh();
  }

  /** Follows links that lead elsewhere now. */
  refresh(): void {
    const wanted = new Set(this.paths.flatMap(directoriesOf));
    for (const [directory, watcher] of this.watchers) {
      if (!wanted.has(directory)) this.drop(directory, watcher);
    }
    for (const directory of wanted) {
      if (!this.watchers.has(directory)) this.add(directory);
    }
  }

  close(): void {
    for (const [directory, watcher] of this.watchers) this.drop(directory, watcher);
  }

  private add(directory: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, this.onChange);
      watcher.on("error", () => this.drop(directory, watcher));
      this.watchers.set(directory, watcher);
    } catch {
      // Gone, unreadable or out of inotify watches: the poll sees the change.
    }
  }

  private drop(directory: string, watcher: FSWatcher): void {
    watcher.close();
    if (this.watchers.get(directory) === watcher) this.watchers.delete(directory);
  }
}

function directoriesOf(path: string): string[] {
  try {
    return [dirname(path), dirname(realpathSync(path))];
  } catch {
    return [dirname(path)];
  }
}
