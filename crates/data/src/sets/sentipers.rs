//! SentiPers (Hosseini et al. 2018) from its workbook: polarity TAB sentence, split by product review file.

use crate::InputError;
use calamine::{Data, Reader, Xlsx};
use std::collections::HashSet;
use std::fmt::Write;
use std::path::Path;

/// Review files whose sentences are the development part.
const DEV: &[&str] = &[
    "extra/Apple Ipod Touch 8GB",
    "extra/Apple iPad mini WiFi-16GB",
    "extra/Canon EOS 650D Kit EF-18-55 IS",
    "extra/Casio Exilim EX-Z3000",
    "extra/Fujifilm FinePix F660EXR",
    "extra/HP PhotoSmart D110A",
    "extra/Olympus VG-150",
    "extra/Sony Cybershot HX50v",
    "extra/Sony Xperia E Dual",
    "extra/Sony Xperia TX",
    "main/Asus X43SD",
    "main/Canon PowerShot A3400 IS",
    "main/GoPro HD Hero 960",
    "main/HP LaserJet P1102",
    "main/HTC One X Plus - 64GB",
    "main/Huawei Ascend Y300",
    "main/Nikon Coolpix P520",
    "main/Nokia Asha 302",
    "main/Nokia Lumia 620",
    "main/Panasonic Lumix DMC-G6",
    "main/Samsung Galaxy Tab 2 10.1 P5100 - 16GB",
    "main/Samsung NP300E5V-A08AE",
    "main/Samsung Plasma PS51E4950",
    "main/Samsung WB151F",
    "main/Sony Cyber-Shot DSC-HX200V",
    "main/Sony ICD-TX50 - 4GB",
];

/// Review files whose sentences are the test part.
const TEST: &[&str] = &[
    "extra/Canon CanoScan 5600F",
    "extra/Canon CanoScan LiDe 110",
    "extra/Canon Legira HF R205",
    "extra/Canon PowerShot SX40 HS",
    "extra/Fujifilm FinePix JX510",
    "extra/HTC Desire C",
    "extra/HTC Desire V",
    "extra/Motorola Digital Photo Frame MF810",
    "extra/Nokia 500",
    "extra/Nokia Asha 308",
    "extra/Nokia Lumia 620",
    "extra/Panasonic HDC-HS900",
    "extra/Sony Cyber-Shot DSC-HX200V_Hosseini",
    "main/ADATA Portable HD710 - 1TB",
    "main/GS-Pad GSP-X7",
    "main/HP Scanjet G2410",
    "main/HP_ProBook_4540s-A",
    "main/LG Optimus Vu P895",
    "main/Samsung Galaxy S III I9305 - 16GB",
    "main/Samsung LED 40ES6960",
    "main/Sony Ericsson Xperia Pureness",
    "main/Sony NEX-VG10",
];

/// Training, development and test part of the workbook at `path`. White space is made single; a sentence that came before is left out.
///
/// # Errors
/// When it is not that workbook.
pub fn split(path: &Path) -> Result<[String; 3], InputError> {
    let wrong = |got: String| InputError::new("the workbook of SentiPers", got, "fetch it again").at(path);
    let mut book: Xlsx<_> = calamine::open_workbook(path).map_err(|e: calamine::XlsxError| wrong(e.to_string()))?;
    let sheet = book
        .worksheet_range_at(0)
        .ok_or_else(|| wrong("no sheet".into()))?
        .map_err(|e: calamine::XlsxError| wrong(e.to_string()))?;
    let mut rows = sheet.rows();
    let head: Vec<String> = rows.next().unwrap_or_default().iter().map(ToString::to_string).collect();
    let column = |name: &str| head.iter().position(|h| h == name).ok_or_else(|| wrong(format!("no column `{name}`")));
    let (text, polarity, file) = (column("text")?, column("polarity")?, column("file")?);
    let mut parts = [const { String::new() }; 3];
    let mut seen = HashSet::new();
    for (i, row) in rows.enumerate() {
        let cell = |column: usize| row.get(column).map(Data::to_string).unwrap_or_default();
        let sentence = cell(text).split_whitespace().collect::<Vec<_>>().join(" ");
        let value = cell(polarity);
        let number: i32 = value.parse().map_err(|_| wrong(format!("`{value}` as polarity")).line(i + 2))?;
        if !seen.insert(sentence.clone()) {
            continue;
        }
        let from = cell(file);
        let from = from.trim_start_matches("data/").trim_end_matches(".xml");
        let part = if TEST.contains(&from) { 2 } else { usize::from(DEV.contains(&from)) };
        let _ = writeln!(parts[part], "{number}\t{sentence}");
    }
    Ok(parts)
}
