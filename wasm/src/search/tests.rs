use super::*;
use crate::mail::Attachment;

fn fold(text: &str) -> String {
    text.to_lowercase().replace('é', "e")
}

fn message(subject: &str, from: &str, text: &str) -> (Envelope, Message) {
    let envelope =
        Envelope { subject: subject.into(), from: from.into(), date: Some(86_400_000), ..Envelope::default() };
    let message = Message { subject: subject.into(), from: from.into(), text: text.into(), ..Message::default() };
    (envelope, message)
}

fn part(all: &[(Id, &str)]) -> Segment {
    let mut builder = Builder::default();
    for (id, text) in all {
        let (envelope, message) = message("Subject", "Ann <ann@example.org>", text);
        builder.message(*id, &envelope, &message, fold);
    }
    builder.build()
}

fn find(index: &Index, text: &str) -> Vec<Id> {
    let mut found = index.find(&Query::read(text, fold, 0), &|id| id.is_multiple_of(2));
    found.sort_unstable();
    found
}

#[test]
fn every_field_is_searched_and_can_be_named() {
    let mut index = Index::default();
    let mut builder = Builder::default();
    let (mut envelope, mut message) = message("Café résults", "Ann Lee <ann@lab.example>", "Potassium is high");
    envelope.attachments = true;
    message.to = vec!["Bob <bob@clinic.example>".into()];
    message.attachments = vec![Attachment {
        name: "scan.pdf".into(),
        kind: String::new(),
        declared: String::new(),
        size: 0,
        inline: false,
        content_id: None,
    }];
    builder.message(7, &envelope, &message, fold);
    let (plain, _) = self::message("Other", "Zoe", "");
    builder.headers(8, &plain, fold);
    index.add(builder.build(), 7);
    for found in [
        "cafe",
        "CAFÉ",
        "res",
        "pot high",
        "from:lee",
        "from:lab.example",
        "to:bob",
        "subject:results",
        "scan.pdf",
        "has:attachment",
        "after:1970-01-01 before:1970-01-03 from:ann",
        "-from:zoe",
        "\"is high\"",
        "is:unread",
    ] {
        assert_eq!(find(&index, found), [7], "{found}");
    }
    for absent in ["caff", "from:bob", "subject:high", "-cafe -other", "has:attachment is:read", "before:1970-01-01"] {
        assert_eq!(find(&index, absent), [0; 0], "{absent}");
    }
    assert_eq!(find(&index, ""), [7, 8]);
    assert_eq!((index.has(7), index.has(8), index.has(9)), (Some(true), Some(false), None));
    assert_eq!(index.entry(7).map(|entry| entry.subject.as_str()), Some("cafe results"));
}

#[test]
fn what_comes_again_is_found_by_what_came_last() {
    let mut index = Index::default();
    index.add(part(&[(1, "first"), (2, "first")]), 7);
    index.add(part(&[(1, "second")]), 7);
    assert_eq!(find(&index, "first"), [2]);
    assert_eq!(find(&index, "second"), [1]);
}

#[test]
fn small_parts_are_joined_and_nothing_is_lost_or_doubled() {
    let mut index = Index::default();
    let mut kept: Vec<u32> = Vec::new();
    for id in 0..300 {
        let text = format!("word{id} common");
        let change = index.add(part(&[(id, text.as_str())]), 7);
        kept.retain(|number| !change.remove.contains(number));
        kept.extend(&change.write);
    }
    kept.sort_unstable();
    assert_eq!(kept, index.numbers().collect::<Vec<_>>());
    assert!(kept.len() < 16, "{} parts", kept.len());
    assert_eq!(find(&index, "common"), (0..300).collect::<Vec<_>>());
    assert_eq!(find(&index, "word299"), [299]);
    assert_eq!(find(&index, "subject:common"), [0; 0]);
}

#[test]
fn another_window_s_parts_take_the_place_of_those_that_are_gone() {
    let mut one = Index::default();
    one.add(part(&[(1, "old"), (2, "stays")]), 7);
    let new = part(&[(1, "new")]);
    one.load(&[1, 5], vec![(5, Segment::from_octets(new.octets().to_vec()).unwrap())]);
    assert_eq!((find(&one, "old"), find(&one, "new"), find(&one, "stays")), (vec![], vec![1], vec![2]));
    one.load(&[5], Vec::new());
    assert_eq!(find(&one, "stays"), [0; 0]);
}

#[test]
fn as_a_search_through_all_texts_would_find_it() {
    let mut random = 7_u32;
    let mut next = |bound: u32| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) % bound
    };
    let mut index = Index::default();
    let mut texts = std::collections::BTreeMap::new();
    for _ in 0..400 {
        let id = next(300);
        let words: Vec<String> =
            (0..next(12)).map(|_| format!("{}{}", ["a", "ab", "b", "ba"][next(4) as usize], next(20))).collect();
        let text = words.join(" ");
        index.add(part(&[(id, text.as_str())]), 7);
        texts.insert(id, words);
    }
    for prefix in ["a", "ab", "ab1", "b19", "ba", "a2 b1", "ab -b"] {
        let query = Query::read(prefix, fold, 0);
        let here = |words: &[String], prefix: &str| words.iter().any(|word| word.starts_with(prefix));
        let wanted = texts.iter().filter(|(_, words)| {
            // "Ann", "ann@example.org" and "Subject" are in all of them.
            let all = [words.as_slice(), &["ann".into(), "example".into(), "org".into(), "subject".into()]].concat();
            query.words.iter().all(|word| here(&all, &word.prefix) != word.not)
        });
        assert_eq!(find(&index, prefix), wanted.map(|(id, _)| *id).collect::<Vec<_>>(), "{prefix}");
    }
}
