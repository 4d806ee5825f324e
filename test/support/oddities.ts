// What has broken programs before: odd texts, numbers, names, ids, headers and media types.

const list = (text: string, by = " ") => text.split(by);

export const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);

const HALF_PAIR = "\ud800";

export const ODD_TEXTS = [
  ...list(
    "0 1 -1 null true [] {} NaN Infinity 1e999 0x10 constructor __proto__ toString % %s%n _ \\ <script>",
  ),
  ...list('\'; DROP TABLE jobs; --|1 OR 1=1|" OR ""="|../../etc/passwd|{{7*7}}|sandbox/chat!fail=1', "|"),
  ...list("2026-01-01T00:00:00Z 9999-12-31T23:59:59.999Z -000001-01-01T00:00:00Z"),
  ...["", " ", "\u0000", "a\u0000b", "a\nb", "\r\nset-cookie: a=b", "\u001b[31m", "\ufeff", "\u202e"],
  ...[HALF_PAIR, "a\udc00b", "💥".repeat(40), "x".repeat(257), "x".repeat(70_000)],
];

export const ODD_NUMBERS = [
  0,
  -0,
  -1,
  0.5,
  1e-320,
  1e308,
  -1e308,
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 53,
  -(2 ** 63),
];

/** Names of properties. */
export const ODD_NAMES = [
  ...list(
    "__proto__ constructor prototype toString hasOwnProperty length a.b a[0] 0 id project project_id state",
  ),
  ...["", "\u0000", HALF_PAIR, "x".repeat(300)],
];

/** In the place of one value of a JSON text. */
export const ODD_TOKENS = [
  ...list("-0 1e400 -1e400 1e-400 9007199254740993 01 +1 .5 NaN nul undefined 'a' /**/1"),
  ...[
    '"\\ud800"',
    '"\\x"',
    '"\u0001"',
    "9".repeat(400),
    "[".repeat(100_000),
    "[".repeat(65) + "]".repeat(65),
  ],
];

/** Before or after a JSON text. */
export const ODD_ENDS = ["\ufeff", "null", ",", "{}", "}", "\u0000", " ".repeat(64_001)];

/** In the place of an id in a path. */
export const ODD_SEGMENTS = [
  ...list(
    "x . .. %2e%2e %00 % %zz %ff %E0%A4%A %ED%A0%80 %c0%af %252e %2f * {id} :id ; = a/b a?b=c a#b \\..\\",
  ),
  ...list("..%2f..%2fetc%2fpasswd %0d%0aset-cookie:%20a=b __proto__ constructor default bulk null job_"),
  ...list(
    "'%20OR%20''=' 1;DROP%20TABLE%20jobs job_01KAM2T2Q5W4R0E8Z6S3N7Y9XB job_ZZZZZZZZZZZZZZZZZZZZZZZZZZ",
  ),
  ...["x".repeat(9_000), "%F0%9F%92%A5".repeat(300), "../".repeat(50)],
];

/** After an id that is there. */
export const ODD_SUFFIXES = list("%00 %0a %20 %u0000 %2f % / // ? . x ' -- /../.. ;");

export const HEADER_NAMES = [
  ...list(
    "idempotency-key prefer last-event-id cf-ray accept origin content-length connection content-encoding",
  ),
  ...list("x-forwarded-for x-http-method-override cookie range if-none-match expect te"),
  "access-control-request-method",
];

export const HEADER_VALUES = [
  ...list(
    "0 -1 NaN 99999999999999999999 wait= wait=0 wait=x wait=-5 wait=0;wait =,;= 1.1 0.0 999999999999999.0",
  ),
  ...list("websocket WebSocket h2c text/html null * gzip bytes=0- ../../x '=' __proto__ again"),
  ...["", "a\tb", "x".repeat(4_000), "wait=".repeat(900)],
];

export const MEDIA_TYPES = [
  ...list(
    "text/plain application/xml application/jsonp application/x-www-form-urlencoded APPLICATION/JSON */* ; json",
  ),
  ...list("application/json; charset=utf-16|application/json;|application/json, text/plain", "|"),
  "multipart/form-data; boundary=x",
];
