//! Patterns of sentences. What is made is grammatical on both sides, if not always wise.

use super::verb::ZWNJ;
use super::words::{Both, Speaker};

impl Speaker<'_> {
    /// A sentence with its punctuation.
    pub fn sentence(&mut self) -> (String, String) {
        let (pair, question) = match self.random.below(100) {
            0..34 => (self.statement(), false),
            34..40 => (self.yes_no_question(), true),
            40..49 => (self.question_word(), true),
            49..61 => (self.modal(), false),
            61..64 => (self.modal_question(), true),
            64..73 => (self.being(), false),
            73..78 => (self.location(), false),
            78..83 => (self.having(), false),
            83..89 => (self.asking_about_things(), true),
            89..92 => (self.imperative(), false),
            92..96 => (self.liking(), false),
            _ => (self.two_clauses(), false),
        };
        self.finish(pair, question)
    }

    fn finish(&mut self, pair: Both, question: bool) -> (String, String) {
        let mut en: String = pair.en[..1].to_uppercase() + &pair.en[1..];
        let mut fa = pair.fa;
        if question {
            fa.push('؟');
            en.push('?');
        } else if self.chance(0.8) {
            fa.push('.');
            en.push('.');
        }
        // As people type it: the joiner is often a space, or left out.
        match self.random.below(20) {
            0 | 1 => fa = fa.replace(ZWNJ, " "),
            2 => fa = fa.replace(ZWNJ, ""),
            _ => {}
        }
        (fa, en)
    }
}
