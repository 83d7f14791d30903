"""What general compressors need for a text that follows another, in bits a character: the larger size of both together.

    venv/bin/python bench/peers/compressors.py TRAIN TEST           (needs pyppmd)"""
import lzma, sys
import pyppmd

train, test = (open(path, "rb").read() for path in sys.argv[1:])
characters = len(test.decode())


def ppmd(text, order):
    # All of the text stays in the model.
    encoder = pyppmd.Ppmd7Encoder(order, 1 << 30)
    return len(encoder.encode(text)) + len(encoder.flush())


def row(name, size):
    print(f"{name}: {8 * (size(train + test) - size(train)) / characters:.3f} bits a character")


for order in (4, 6, 8, 12, 16):
    row(f"PPMd, order {order}", lambda text: ppmd(text, order))
row("xz -9e", lambda text: len(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME)))
