export const mebibytes = (bytes: number): string =>
  bytes >= 1_048_576 ? `${Math.floor((bytes / 1_048_576) * 10) / 10} MiB` : `${bytes} bytes`
