// Whose posts these are: all jobs of a channel are seen by its owner, on every device. One for each user, in an app with a login.
export const CHANNEL = "writer-1";
