//! The JSON of PBS's commands, as far as it is some.
//!
//! The release writes it by hand: `nan` and `inf` bare, a key twice, bytes that are not UTF-8, and
//! whether a value is a number or a text it guesses from its looks. So every scalar is read as the text
//! it was, a repeated key is kept twice, and what cannot be read without guessing is an error: the
//! caller asks for the other format.

/// What one value was, scalars as their text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    List(Vec<Value>),
    /// In their order; a key may be there twice.
    Object(Vec<(String, Value)>),
}

/// Where it stopped to be readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not JSON from byte {0} on")]
pub(crate) struct NotJson(pub(crate) usize);

/// PBS nests four deep.
const DEEPEST: usize = 16;

impl Value {
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::List(_) | Self::Object(_) => None,
        }
    }
}

/// What stands in the object under a key of the envelope, one by one: as a whole it would take many
/// times the bytes of the answer. What was told before an error counts for nothing either.
pub(crate) fn each_under(
    bytes: &[u8],
    key: &str,
    told: &mut dyn FnMut(String, Value),
) -> Result<(), NotJson> {
    let mut reader = Reader { bytes, at: 0 };
    reader.blanks();
    if reader.peek() != Some(b'{') {
        return Err(reader.here());
    }
    reader.each(&mut |reader, name| {
        reader.blanks();
        if name != key || reader.peek() != Some(b'{') {
            return reader.value(1).map(drop);
        }
        reader.each(&mut |reader, name| {
            told(name, reader.value(2)?);
            Ok(())
        })
    })?;
    reader.end()
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    const fn here(&self) -> NotJson {
        NotJson(self.at)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Nothing stands behind the value.
    fn end(&mut self) -> Result<(), NotJson> {
        self.blanks();
        if self.at < self.bytes.len() {
            return Err(self.here());
        }
        Ok(())
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.blanks();
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn value(&mut self, depth: usize) -> Result<Value, NotJson> {
        if depth > DEEPEST {
            return Err(self.here());
        }
        self.blanks();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Value::Text),
            _ => self.bare().map(Value::Text),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, NotJson> {
        let mut entries = Vec::new();
        self.each(&mut |reader, key| {
            entries.push((key, reader.value(depth + 1)?));
            Ok(())
        })?;
        Ok(Value::Object(entries))
    }

    /// Each entry of an object; `value` reads what stands behind the key.
    fn each(
        &mut self,
        value: &mut dyn FnMut(&mut Self, String) -> Result<(), NotJson>,
    ) -> Result<(), NotJson> {
        self.at += 1;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            self.blanks();
            let key = self.string()?;
            if !self.take(b':') {
                return Err(self.here());
            }
            value(self, key)?;
            if self.take(b'}') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.here());
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, NotJson> {
        self.at += 1;
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.take(b']') {
                return Ok(Value::List(items));
            }
            if !self.take(b',') {
                return Err(self.here());
            }
        }
    }

    /// A number, `true`, or what is no JSON at all: `nan`, `-inf`.
    fn bare(&mut self) -> Result<String, NotJson> {
        let begin = self.at;
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        while self.peek().is_some_and(is_part) {
            self.at += 1;
        }
        let word = self.bytes.get(begin..self.at).unwrap_or_default();
        if word.is_empty() {
            return Err(self.here());
        }
        Ok(String::from_utf8_lossy(word).into_owned())
    }

    /// Control characters are taken as they are, bytes that are not UTF-8 replaced.
    fn string(&mut self) -> Result<String, NotJson> {
        if self.peek() != Some(b'"') {
            return Err(self.here());
        }
        self.at += 1;
        let mut text = Vec::new();
        loop {
            let byte = self.peek().ok_or(self.here())?;
            self.at += 1;
            match byte {
                b'"' => return Ok(String::from_utf8_lossy(&text).into_owned()),
                b'\\' => self.escape(&mut text)?,
                _ => text.push(byte),
            }
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), NotJson> {
        let byte = self.peek().ok_or(self.here())?;
        self.at += 1;
        let meant = match byte {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 8,
            b'f' => 12,
            b'u' => {
                let mut buffer = [0; 4];
                let unit = self.unit()?;
                let meant = char::from_u32(unit).unwrap_or('\u{fffd}');
                text.extend_from_slice(meant.encode_utf8(&mut buffer).as_bytes());
                return Ok(());
            }
            other => other,
        };
        text.push(meant);
        Ok(())
    }

    fn unit(&mut self) -> Result<u32, NotJson> {
        let digits = self.bytes.get(self.at..self.at + 4).ok_or(self.here())?;
        let digits = std::str::from_utf8(digits).map_err(|_| self.here())?;
        let unit = u32::from_str_radix(digits, 16).map_err(|_| self.here())?;
        self.at += 4;
        Ok(unit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Value {
        fn get(&self, key: &str) -> Option<&Self> {
            let mut entries = self.entries().iter();
            entries
                .find(|(name, _)| name == key)
                .map(|(_, value)| value)
        }

        fn entries(&self) -> &[(String, Self)] {
            match self {
                Self::Object(entries) => entries,
                Self::Text(_) | Self::List(_) => &[],
            }
        }

        fn items(&self) -> &[Self] {
            match self {
                Self::List(items) => items,
                Self::Text(_) | Self::Object(_) => &[],
            }
        }
    }

    fn parse(bytes: &[u8]) -> Result<Value, NotJson> {
        let mut reader = Reader { bytes, at: 0 };
        let value = reader.value(0)?;
        reader.end()?;
        Ok(value)
    }

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    #[test]
    fn an_envelope_with_something_behind_it_is_none() {
        let read = |bytes: &[u8]| {
            let mut told = Vec::new();
            each_under(bytes, "Jobs", &mut |name, _| told.push(name)).map(|()| told)
        };
        assert_eq!(read(b"{\"Jobs\":{\"1.s\":{}}}\n").unwrap(), ["1.s"]);
        assert_eq!(read(b"{\"Jobs\":{\"1.s\":{}}}x"), Err(NotJson(19)));
        assert!(read(b"{\"Jobs\":{\"1.s\":{}}}{}").is_err());
    }

    #[test]
    fn scalars_are_the_text_they_were() {
        let read = parse(br#"{"a":005,"b":nan,"c":-inf,"d":true,"e":"1.50","f":1e400}"#).unwrap();
        for (key, value) in [
            ("a", "005"),
            ("b", "nan"),
            ("c", "-inf"),
            ("d", "true"),
            ("e", "1.50"),
            ("f", "1e400"),
        ] {
            assert_eq!(read.get(key), Some(&text(value)));
        }
    }

    #[test]
    fn a_repeated_key_is_there_twice() {
        let read = parse(br#"{"max":"a","max":"b"}"#).unwrap();
        assert_eq!(read.entries().len(), 2);
    }

    #[test]
    fn control_characters_and_broken_bytes_are_text() {
        let read = parse(b"[\"a\nb\x01\xff\\\"\\u0041\"]").unwrap();
        assert_eq!(read.items(), [text("a\nb\u{1}\u{fffd}\"A")]);
    }

    #[test]
    fn what_would_have_to_be_guessed_is_an_error() {
        for broken in [
            &b"{\"A\":\"h^\"^x\",}"[..],
            b"{\"a\":1",
            b"",
            b"pbshead: \n{}",
            b"{\"a\" 1}",
            b"[1 2]",
            b"{}x",
            b"\"\\u12",
            b"{\"a\":}",
        ] {
            assert!(
                parse(broken).is_err(),
                "{}",
                String::from_utf8_lossy(broken)
            );
        }
        assert!(parse(&b"[".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
            let _ = each_under(&bytes, "Jobs", &mut |_, _| {});
        }

        #[test]
        fn what_serde_json_writes_is_read(value in "\\PC{0,40}") {
            let written = serde_json::to_vec(&serde_json::json!({ "k": [value.clone()] })).unwrap();
            let read = parse(&written).unwrap();
            prop_assert_eq!(read.get("k").unwrap().items(), &[text(&value)]);
        }
    }
}
