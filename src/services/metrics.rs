//! Tells how the server does, over HTTP and in the text format of Prometheus: `GET /metrics`.
//! Knows figures and requests; not what is counted where.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::outbound::{ClientId, Fanout};
use crate::protocol::http::{Answer, Head, HeadReader, Page, Refusal, found};
use crate::service::{Disconnect, Figures, Newcomer, Service};
use crate::wire::{Framing, Message};

mod text;

/// A request may take this long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who asks, until it is answered.
struct Asking {
    head: HeadReader,
    until: Instant,
}

/// The service.
pub struct Metrics {
    figures: Rc<RefCell<Figures>>,
    /// How many lines of the log nobody has read.
    dropped_lines: Box<dyn Fn() -> u64>,
    asking: HashMap<ClientId, Asking>,
    /// What refusals are encoded with; none of them shows it.
    page: Page,
}

impl Metrics {
    /// Tells these figures, as they are when it is asked; and how many lines of the log were dropped.
    #[must_use]
    pub fn new(figures: Rc<RefCell<Figures>>, dropped_lines: Box<dyn Fn() -> u64>) -> Self {
        Self {
            figures,
            dropped_lines,
            asking: HashMap::new(),
            page: Page::built_in(),
        }
    }

    fn refuse(&mut self, client: ClientId, refusal: Refusal, without_body: bool, out: &mut Fanout) {
        let mut bytes = Vec::new();
        Answer::Refused(refusal).encode(&self.page, without_body, &mut bytes);
        self.end(client, &bytes, out);
    }

    fn end(&mut self, client: ClientId, answer: &[u8], out: &mut Fanout) {
        self.asking.remove(&client);
        out.answer(client, answer);
        out.close_after_flush(client);
    }
}

impl Service for Metrics {
    fn framing(&self) -> Framing {
        Framing::Chunk
    }

    fn on_open(&mut self, now: Instant, client: ClientId, _: &Newcomer<'_>, _: &mut Fanout) {
        let asking = Asking {
            head: HeadReader::default(),
            until: now + PATIENCE,
        };
        self.asking.insert(client, asking);
    }

    fn on_message(
        &mut self,
        _now: Instant,
        client: ClientId,
        message: Message<'_>,
        out: &mut Fanout,
    ) {
        let (Message::Whole(mut input), Some(asking)) = (message, self.asking.get_mut(&client))
        else {
            return;
        };
        let Some(head) = asking.head.read(&mut input) else {
            return;
        };
        match head.map(|head| (route(&head), head.method == "HEAD")) {
            Ok((Ok(()), without_body)) => {
                let text = text::encode(&self.figures.borrow(), (self.dropped_lines)());
                self.end(client, &found(text::KIND, &text, without_body), out);
            }
            Ok((Err(refusal), without_body)) => self.refuse(client, refusal, without_body, out),
            Err(refusal) => self.refuse(client, refusal, false, out),
        }
    }

    fn on_close(&mut self, _: Instant, client: ClientId, _: &Disconnect, _: &mut Fanout) {
        self.asking.remove(&client);
    }

    fn deadline(&self) -> Option<Instant> {
        self.asking.values().map(|asking| asking.until).min()
    }

    fn on_deadline(&mut self, now: Instant, out: &mut Fanout) {
        let asking = self.asking.iter();
        let late = asking.filter(|(_, asking)| asking.until <= now);
        for client in late.map(|(client, _)| *client).collect::<Vec<_>>() {
            self.refuse(client, Refusal::Timeout, false, out);
        }
    }
}

/// Whether that is the one thing that there is.
fn route(head: &Head<'_>) -> Result<(), Refusal> {
    if head.is_http_1_1 && head.value("host")?.is_none_or(str::is_empty) {
        Err(Refusal::BadRequest)
    } else if head.path != "/metrics" {
        Err(Refusal::NotFound)
    } else if !matches!(head.method, "GET" | "HEAD") {
        Err(Refusal::MethodNotAllowed)
    } else {
        Ok(())
    }
}
