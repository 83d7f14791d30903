"""A workbook laid out as SentiPers publishes its own, with sentences made up here.

python generate.py writes sentipers.xlsx beside this file.
"""

import openpyxl

book = openpyxl.Workbook()
sheet = book.active
sheet.append(["index", "sid", "text", "polarity", "file"])
rows = [
    ("rev-1", "دوربین  خوبی\nاست.", "+1", "data/main/HP LaserJet M1132.xml"),
    ("rev-2", "کیفیت صدا بد است.", "-1", "data/main/Asus X43SD.xml"),
    ("rev-3", "عالی است!", "+2", "data/main/Nokia Lumia 620.xml"),
    ("-", "عالی است!", "+1", "data/extra/Nokia 500.xml"),
    ("-", "باتری معمولی است.", "0", "data/extra/Nokia 500.xml"),
    ("-", "قیمت بالا", "-2", "data/main/HP LaserJet M1132.xml"),
]
for i, row in enumerate(rows):
    sheet.append([i, *row])
book.save("sentipers.xlsx")
