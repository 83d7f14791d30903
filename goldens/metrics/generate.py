"""BLEU and chrF of pairs of sentences by sacreBLEU.

    python3 -m venv venv && venv/bin/pip install sacrebleu==2.6.0 && venv/bin/python goldens/metrics/generate.py

Writes values.json beside this file."""
import json, pathlib, random, sacrebleu
from sacrebleu.metrics import BLEU, CHRF

cases = {
    "plain": (["the cat sat on the mat .", "a quick brown fox"], ["the cat is on the mat .", "the quick brown fox jumps"]),
    "punctuation": (["Hello, world! It's 3.5% - \"really\"?", "U.S.-based (A&B) co-op: $5,000.00; e.g. 1-2"],
                    ["Hello world! It is 3.5 % - 'really'?", "A U.S. based (A & B) coop: $5,000; e.g. 1 - 2"]),
    "entities": (["&quot;a&quot; &amp; b &lt; c <skipped> d", "x &gt; y"], ["\"a\" & b < c d", "x > z"]),
    "persian": (["سلام، دنیا! می‌خواهم ۳٫۵ کیلو «سیب».", "کتاب‌ها را خواندم؟"], ["سلام دنیا؛ می‌خواهم ۳٫۵ کیلو سیب.", "کتاب‌ها را خوانده‌ام."]),
    "symbols": (["5€ + 3₽ = 8×2 → ok™", "naïve café — “quoted” … end"], ["5 € plus 3₽ = 8x2 → OK", "naive café – \"quoted\"... end"]),
    "empty hypothesis": (["", "a b c d e"], ["nothing here", "a b c d e"]),
    "all empty": ([""], ["something"]),
    "no match": (["x y z"], ["a b c"]),
    "short": (["a", "b c", "d"], ["a", "b c", "e"]),
    "long brevity": (["the the the the the the", "one"], ["the cat", "one two three four five six seven eight"]),
    "whitespace": (["  a  b\tc   d e ", "f g h i"], ["a b c d e", "f  g h   i "]),
}
rng = random.Random(7)
words = "the a cat dog sat ran on in , . ( ) 3.14 2,000 don't e-mail % $5 & ; : [x] «y»".split()
hyp = [" ".join(rng.choice(words) for _ in range(rng.randint(1, 25))) for _ in range(60)]
cases["random"] = (hyp, [" ".join(w if rng.random() < 0.75 else rng.choice(words) for w in h.split()) for h in hyp])

values = []
for name, (hyps, refs) in cases.items():
    row = {"name": name, "hypotheses": hyps, "references": refs, "chrf": CHRF().corpus_score(hyps, [refs]).score,
           "chrf_sentences": [CHRF().sentence_score(h, [r]).score for h, r in zip(hyps, refs)]}
    for tok in ("13a", "intl", "none"):
        b = BLEU(tokenize=tok, force=True).corpus_score(hyps, [refs])
        row[tok] = {"score": b.score, "precisions": b.precisions, "bp": b.bp, "sys_len": b.sys_len, "ref_len": b.ref_len,
                    "sentences": [BLEU(tokenize=tok, effective_order=True).sentence_score(h, [r]).score for h, r in zip(hyps, refs)]}
    values.append(row)
out = {"sacrebleu": sacrebleu.__version__, "cases": values}
pathlib.Path(__file__).with_name("values.json").write_text(json.dumps(out, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
