// Texts of many kinds, for whatever counts or cuts texts.

const table = Array.from({ length: 24 }, (_, i) => {
  const [units, price] = [(i * 7919) % 1_000, ((i * 104_729) % 100_000) / 100];
  return `| 2026-${String((i % 12) + 1).padStart(2, "0")}-${String((i % 28) + 1).padStart(2, "0")} | SKU-${10_000 + i * 37} | ${units} | ${price.toFixed(2)} | ${(units * price).toFixed(2)} |`;
});

const records = Array.from({ length: 8 }, (_, i) => ({
  id: `job_01JD${(i * 2_654_435_761).toString(36).toUpperCase()}`,
  state: ["pending", "running", "completed", "failed"][i % 4],
  usage: { input_tokens: 120 + i * 13, output_tokens: 41 * i, cost_usd: i / 800 },
  tags: ["newsletter", `user-${i * 31}`],
  error: i % 4 === 3 ? { code: "provider_timeout", message: "The provider took too long." } : null,
  created_at: `2026-11-0${(i % 8) + 1}T08:3${i}:12.345Z`,
}));

export const SAMPLES: Record<string, string> = {
  "English prose": `The harbour was quiet when the last boat came in. Nobody had expected it, because the storm had closed the
strait two days earlier, and the radio had said nothing since. An old man on the pier put down his newspaper, folded his
glasses and walked slowly towards the mooring. "You are late," he said, as though a week of weather had been a matter of
minutes. The captain laughed; she had brought oranges, letters, three crates of machine parts and a frightened dog that
belonged to no one aboard. By evening everybody in the village knew the story, and by morning there were at least four
versions of it, none of which mentioned the dog. It stayed with the lighthouse keeper's daughter, who called it Thursday.`,
  "English technical prose": `Errand keeps the state of every job in a relational database and treats queue messages as hints. A
consumer that receives a hint claims the corresponding row with a guarded update, runs the handler, and writes the outcome in a
single transaction. Because the guard includes a monotonically increasing fencing token, a worker that was presumed dead cannot
overwrite the result of its successor. Backpressure is applied before the provider is called: requests are admitted by a token
bucket whose refill rate follows the x-ratelimit headers, so that HTTP 429 responses are the exception rather than the rule.`,
  German: `Die Geschäftsführung beschloss im vergangenen Frühjahr, die Buchhaltungssoftware durch eine Eigenentwicklung zu
ersetzen. Zunächst hielten viele Mitarbeiterinnen und Mitarbeiter das für eine überflüssige Modernisierungsmaßnahme, denn die
bisherige Lösung funktionierte zuverlässig. Erst als die Wirtschaftsprüfer auf erhebliche Unstimmigkeiten bei den
Umsatzsteuervoranmeldungen hinwiesen, änderte sich die Stimmung. Am Donnerstagnachmittag trafen sich alle Abteilungsleiter im
großen Sitzungssaal; man trank Kaffee, aß Streuselkuchen und stritt über Zuständigkeiten. Schließlich übernahm die Leiterin der
Rechtsabteilung das Wort und erklärte, was gesetzlich vorgeschrieben sei und was nicht.`,
  French: `Le petit café de la place était fermé depuis l'été, mais les habitués continuaient de s'y retrouver chaque matin, debout
devant la grille, un gobelet à la main. On parlait du temps qu'il avait fait, des élections, du fils du boulanger qui était
parti à Montréal. « Il reviendra », disait sa mère, et personne n'osait la contredire. Un mardi de novembre, pourtant, la
lumière s'est rallumée : quelqu'un avait racheté l'établissement, repeint les chaises et affiché une carte où figuraient
quatorze sortes de thé. Les habitués sont entrés l'un après l'autre, méfiants, comme on entre chez un voisin qu'on connaît mal.`,
  Polish: `Pociąg zatrzymał się na małej stacji, której nazwy nikt z pasażerów nie dosłyszał. Za oknem powoli padał śnieg, a
dyżurny w długim płaszczu przeszedł wzdłuż wagonów, ostukując koła młotkiem. Mówiono, że dalej zasypało tory i że trzeba będzie
poczekać co najmniej trzy godziny. Konduktorka przyniosła herbatę w ciężkich szklankach, sąsiadka wyjęła pierogi z kapustą.`,
  Russian: `Поезд остановился на маленькой станции, названия которой никто из пассажиров не расслышал. За окном медленно падал
снег, и дежурный в длинной шинели прошёл вдоль вагонов, постукивая молоточком по колёсам. Говорили, что впереди занесло пути и
что ждать придётся не меньше трёх часов. Проводница принесла чай в тяжёлых подстаканниках, соседка достала пирожки с капустой,
а мальчик с верхней полки начал рассказывать бесконечную историю о собаке, которая умела предсказывать погоду. К вечеру все в
купе уже называли друг друга по имени и спорили о правительстве, урожае и воспитании детей.`,
  Chinese: `去年冬天，我在一个靠近边境的小城市住了三个月。那里的人说话很慢，好像每一句话都要先在火炉旁边烤一烤才肯说出口。
房东是一位退休的数学老师，他每天早晨五点起床，把院子里的雪扫成整整齐齐的几堆，然后坐下来研究一道没有人要求他解决的几何题。
我问他为什么不去南方和孩子们一起生活，他笑着说：“这里的夜晚比较长，可以多想一些事情。”春天来的时候，雪化得很快，
河水涨到了桥面，政府派来了工程师，检查堤坝、登记损失，并且建议大家暂时搬到学校的体育馆里去。`,
  Japanese: `駅前の古い喫茶店は、朝の七時になると静かに看板を出す。店主は八十歳を過ぎた女性で、コーヒーを淹れるときだけ眼鏡を
かける。常連客はだいたい決まった席に座り、新聞を読んだり、窓の外を通る人を眺めたりしている。ある日、見慣れない若者が大きな
リュックサックを背負って入ってきて、「ここで働かせてください」と頭を下げた。店主はしばらく黙っていたが、やがてエプロンを
差し出して、まず皿の洗い方から教えはじめた。それから三年、いまではメニューの半分が彼の考えたものになっている。`,
  Korean: `할머니는 매일 아침 시장에 나가 두부와 콩나물을 사 오셨다. 집에서 시장까지는 걸어서 이십 분쯤 걸렸지만, 만나는 사람마다
인사를 나누느라 한 시간이 넘게 걸리는 날이 많았다. 나는 방학이 되면 그 길을 따라다니며 이웃들의 이름과 소식을 배웠다. 누구네
아들이 취직을 했는지, 어느 집 개가 새끼를 낳았는지, 올해 배추값이 왜 그렇게 올랐는지를 할머니는 모두 알고 계셨다.`,
  Arabic: `كان الطريق إلى القرية يمرّ بين بساتين الزيتون، وكان جدي يعرف كل شجرة باسم صاحبها. في موسم القطاف تجتمع العائلات منذ
الفجر، ويحمل الأطفال السلال الصغيرة ويتسابقون بين الصفوف. وعندما يأتي المساء يجلس الجميع حول النار، فيروي الكبار حكايات عن
سنوات الجفاف وعن المسافرين الذين مرّوا من هنا ولم يعودوا. لم أكن أصدق كل ما أسمع، لكنني كنت أنتظر تلك الليالي طوال السنة.`,
  Hindi: `गाँव के बीचोंबीच एक पुराना बरगद का पेड़ था, जिसके नीचे हर शाम लोग इकट्ठा होते थे। कोई अख़बार पढ़कर सुनाता, कोई खेतों की
बात करता, और बच्चे चारों ओर दौड़ते रहते। पिछले साल जब सड़क चौड़ी करने की योजना आई, तो अधिकारियों ने कहा कि पेड़ को काटना पड़ेगा।
गाँव वालों ने विरोध किया, कई चिट्ठियाँ लिखीं और आख़िरकार इंजीनियरों ने रास्ता थोड़ा मोड़ दिया। अब वहाँ एक छोटी सी पाठशाला भी है।`,
  TypeScript: `export async function readPages(source: AsyncIterable<Uint8Array>, { limit = 50 }: ReadOptions = {}): Promise<Page[]> {
  const pages: Page[] = [];
  for await (const chunk of source) {
    const header = new DataView(chunk.buffer, chunk.byteOffset, HEADER_BYTES);
    if (header.getUint32(0) !== MAGIC) throw new TypeError(\`bad magic at page \${pages.length}\`);
    pages.push({ id: header.getUint32(4), flags: header.getUint8(8), body: chunk.subarray(HEADER_BYTES) });
    if (pages.length >= limit) break;
  }
  return pages.filter((page) => (page.flags & FLAG_DELETED) === 0).sort((a, b) => a.id - b.id);
}`,
  Python: `class RateLimiter:
    def __init__(self, rate_per_minute: int, burst: int = 10) -> None:
        self._interval = 60.0 / rate_per_minute
        self._tokens = float(burst)
        self._updated_at = time.monotonic()

    def try_acquire(self, amount: float = 1.0) -> bool:
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._updated_at) / self._interval)
        self._updated_at = now
        if self._tokens < amount:
            return False
        self._tokens -= amount
        return True
`,
  JSON: JSON.stringify(records),
  "indented JSON": JSON.stringify(records, null, 2),
  "a table with numbers": [
    "| date | article | units | price | sum |",
    "| --- | --- | ---: | ---: | ---: |",
    ...table,
  ].join("\n"),
  Markdown: `# Quick start

1. Install the package: \`npm install errand\`
2. Set **ROOT_KEY** and _TOKEN_SECRET_ ([why?](https://example.com/docs/security#keys))

## Options

- \`--port\` (default \`8787\`)
- \`--persist-to <dir>\`: where local state is kept

> **Note:** the sandbox needs no key.

\`\`\`sh
curl -s https://example.com/v1/jobs -H "authorization: Bearer $KEY" -d '{"task": "generate"}'
\`\`\`
`,
  "chat with emoji": `omg 😂😂😂 did you see that?? 🎉🎉 best birthday ever 🎂🥳 thank you all so much ❤️❤️ love you 😍
see you tomorrow 👋🏽 bring snacks 🍕🍟🥤 and the dog 🐶🐾 weather looks ☀️ so far 🤞 family trip 👨‍👩‍👧‍👦 to 🇯🇵 next year ✈️ who is in? 🙋‍♀️🙋`,
  "random identifiers": Array.from({ length: 12 }, (_, i) =>
    ((i + 1) * 0x1e3779b97f4a7).toString(16).repeat(2),
  ).join("\n"),
  base64: btoa(
    Array.from({ length: 480 }, (_, i) => String.fromCharCode((i * i * 31 + i * 17) % 256)).join(""),
  ),
};
