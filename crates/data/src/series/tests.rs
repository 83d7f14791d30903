//! Tables: what is read, what is stated, what is an error.

use super::*;

fn table(text: &str, columns: &Columns) -> Table {
    Table::parse(text, columns).unwrap_or_else(|e| panic!("{e}"))
}

fn error(text: &str, columns: &Columns) -> String {
    Table::parse(text, columns).unwrap_err().to_string()
}

#[test]
fn columns_are_series_and_every_treatment_is_stated() {
    let text = "date,a,b\n2024-01-01,1,5\n2024-01-02,,5\n2024-01-04,3,5\n2024-01-03,2,5\n2024-01-07,4,5\n";
    let t = table(text, &Columns::default());
    assert_eq!(t.series.len(), 2);
    assert_eq!((t.series[0].name.as_str(), &t.series[0].values[..]), ("a", &[1.0, 1.0, 2.0, 3.0, 4.0][..]));
    assert_eq!(t.step, Step::Seconds(86_400));
    let notes = t.notes.join("; ");
    for note in ["missing values of `a` 1 (20 %)", "1 places where time", "sorted", "`b` never changes from 5"] {
        assert!(notes.contains(note), "{note}: {notes}");
    }
    let t = table(text, &Columns { gaps: Gaps::Carry, ..Columns::default() });
    assert_eq!(t.series[0].values, [1.0, 1.0, 2.0, 3.0, 3.0, 3.0, 4.0]);
    assert_eq!(t.series[0].missing, [1, 4, 5]);
    assert_eq!(t.series[0].stamps[5].to_string(), "2024-01-06");
}

#[test]
fn long_form_semicolons_and_the_future() {
    let text = "day;shop;sales;price\n1.1.2024;x;1,5;2\n1.1.2024;y;7;3\n2.1.2024;x;2,5;2\n2.1.2024;y;8;3\n3.1.2024;x;;9\n3.1.2024;y;;9\n";
    let columns = Columns {
        series: "shop".into(),
        targets: vec!["sales".into()],
        known: vec!["price".into()],
        ..Columns::default()
    };
    let t = table(text, &columns);
    let names: Vec<&str> = t.series.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["x", "y"]);
    assert_eq!((&t.series[0].values[..], t.series[0].stamps.len()), (&[1.5, 2.5][..], 3));
    assert_eq!(&t.series[1].known[..], [3.0, 3.0, 9.0]);
    assert!(t.notes.is_empty(), "{:?}", t.notes);
    let monthly = table("month,v\n2024-01,1\n2024-02,2\n2024-03,3\n", &Columns::default());
    assert_eq!((monthly.step, monthly.notes.len()), (Step::Months(1, 1), 0));
    let counted = table("v,w\n1,2\n3,4\n", &Columns::default());
    assert_eq!((counted.step, counted.series[1].stamps[1]), (Step::Number(1.0), Stamp::Number(2.0)));
}

#[test]
fn semicolons_with_points_are_read_with_points() {
    let t = table("day;v;w\n2024-01-01;22.09;2.5\n2024-01-02;1000.125;0\n", &Columns::default());
    assert_eq!((&t.series[0].values[..], t.series[1].values[0]), (&[22.09, 1000.125][..], 2.5));
    // One comma says that points stand between thousands.
    let t = table("day;v;w\n2024-01-01;1.022;2,5\n2024-01-02;1.000,25;0\n", &Columns::default());
    assert_eq!((&t.series[0].values[..], t.series[1].values[0]), (&[1022.0, 1000.25][..], 2.5));
    let e = error("day;v;w\n2024-01-01;22.09;2,5\n", &Columns::default());
    assert_eq!(e, "line 2: v: expected a number with a decimal comma, as others of this file, got `22.09`");
}

#[test]
fn a_column_has_one_name_and_one_use() {
    let columns = |targets: &[&str], known: &[&str]| Columns {
        targets: targets.iter().map(|s| s.to_string()).collect(),
        known: known.iter().map(|s| s.to_string()).collect(),
        ..Columns::default()
    };
    let text = "date,v,w\n2024-01-01,1,2\n2024-01-02,3,4\n";
    for (targets, known) in [(&["v", "v"][..], &[][..]), (&["v"], &["v"]), (&["date"], &[])] {
        let e = error(text, &columns(targets, known));
        assert!(e.starts_with("line 1: ") && e.contains("columns of one use each"), "{e}");
    }
    let twice = "date,v,v\n2024-01-01,1,2\n2024-01-02,3,4\n";
    assert_eq!(error(twice, &columns(&[], &[])), "line 1: v: expected one column of that name, got two");
    // A name that is used for nothing may be there twice.
    assert_eq!(table("date,v,x,x\n2024-01-01,1,a,b\n", &columns(&["v"], &[])).series.len(), 1);
    assert!(error("2024-01-01,1\n2024-01-02,2\n", &columns(&[], &[])).starts_with("line 1: expected a header"));
    let long = Columns { series: "shop".into(), ..columns(&["v"], &[]) };
    let e = error("date,shop,v\n2024-01-01,x,1\n2024-01-01,,2\n", &long);
    assert_eq!(e, "line 3: shop: expected the name of a series, got nothing");
}

#[test]
fn bad_cells_and_columns_are_named() {
    let none = Columns::default();
    assert_eq!(error("date,v\n2024-01-01,1\n2024-01-02,many\n", &none), "line 3: v: expected a number, got `many`");
    let e = error("date,v\n2024-01-01,1\nsoon,2\n", &none);
    assert!(e.starts_with("line 3: date: expected a date"), "{e}");
    let e = error("date,v\n2024-01-01,1\n2024-01-01,2\n", &none);
    assert!(e.starts_with("line 3: expected one row a time, got 2024-01-01 again (line 2 has it)"), "{e}");
    assert!(error("1,2\n3,4\n", &none).starts_with("line 1: expected a header"));
    assert!(error("date,v\n", &none).contains("rows after the header"));
    assert!(error("", &none).contains("got"));
    assert!(error("date,v\n2024-01-01,1,2\n", &none).contains("as many cells"));
    assert!(error("date,v\n2024-01-01,\n2024-01-02,NA\n", &none).starts_with("v: expected values, got none"));
    let e = error("date,v\n2024-01-01,1\n", &Columns { time: "when".into(), ..none.clone() });
    assert!(e.contains("a column `when` (data.time)"), "{e}");
    let known = Columns { known: vec!["p".into()], ..none };
    assert!(error("date,v,p\n2024-01-01,1,\n", &known).starts_with("line 2: p: expected a number, got nothing"));
}

#[test]
fn columns_that_go_on_alone_are_told() {
    let text = "date,v,price\n2024-01-01,1,5\n2024-01-02,2,5\n2024-01-03,,5\n2024-01-04,,6\n";
    let notes = table(text, &Columns::default()).notes;
    let told = "the last 2 rows have values of `price` alone: if they are known in advance, say --known price (in recipes data.known)";
    assert_eq!(notes[1], told);
    assert!(table(text, &Columns { known: vec!["price".into()], ..Columns::default() }).notes.is_empty());
}

#[test]
fn what_spreadsheets_write_is_read() {
    let t = table("sep=;\ndate;v\n2024-01-01;1,5\n2024-01-02;#N/A\n;\n;\n", &Columns::default());
    assert_eq!((&t.series[0].values[..], &t.series[0].missing[..]), (&[1.5, 1.5][..], &[1][..]));
    assert_eq!(error("sep=;\ndate;v\n2024-01-01;x\n", &Columns::default()), "line 3: v: expected a number, got `x`");
}

#[test]
fn rows_that_are_uneven_are_told() {
    let t =
        table("date,v\n2024-01-01,1\n2024-01-08,1\n2024-01-15,2\n2024-01-19,3\n2024-01-26,3\n", &Columns::default());
    let note = "1 rows are not whole steps of a week after the one before, the first 2024-01-19 after 2024-01-15: each is taken as the next";
    assert_eq!(t.notes, [note]);
}

#[test]
fn columns_that_count_or_are_empty_are_no_series() {
    let series = |text: &str| table(text, &Columns::default()).series.into_iter().map(|s| s.name).collect::<Vec<_>>();
    assert_eq!(series(",date,v,\n0,2024-01-01,1,\n1,2024-01-02,2,\n"), ["v"]);
    assert_eq!(series("Unnamed: 0,v\n1,5\n2,5\n"), ["v"]);
    assert_eq!(series("index,v\n7,5\n2,5\n"), ["index", "v"]);
    let t = table(",date,v\n0,2024-01-01,1\n1,2024-01-02,2\n", &Columns::default());
    assert_eq!(t.notes, ["column 1 (without a name) counts the rows or is empty: left out"]);
    let e = error(",v\n7,5\n2,5\n", &Columns::default());
    assert_eq!(e, "line 1: expected a name of column 1, got none");
}

#[test]
fn the_sunspots_are_there() {
    let t = table(SUNSPOTS, &Columns::default());
    let s = &t.series[0];
    assert_eq!((s.values.len(), s.values[0], s.stamps[308].to_string().as_str()), (309, 5.0, "2008"));
    assert!(t.notes.is_empty() && t.step == Step::Number(1.0));
}
