//! How a TCC ends, or comes to rest: by its records, its row, its report and what the partner has.

use std::collections::BTreeSet;

use wasaga_core::{Decided, Fact, Report};
use wasaga_journal::Stored;

use super::member::{Member, Phase};
use super::reader::Reader;
use crate::log::Evidence;

impl Reader<'_, '_> {
    pub(super) fn stuck(&mut self, nodes: &[wasaga_core::Name]) {
        let stuck = |member: &Member<'_>| member.settled.failed && !member.given_up;
        let known: BTreeSet<&str> =
            self.members.values().filter(|member| stuck(member)).map(|member| &*member.of.id).collect();
        let told: BTreeSet<&str> = nodes.iter().map(|node| node.as_str()).collect();
        let busy = self.members.values().any(|member| member.tried.is_open() || member.settled.is_open());
        let Some(decided) = self.decided.filter(|_| !busy && !known.is_empty() && told == known) else {
            return self.wrong("tcc-ends", &format!("{told:?} are stuck, and the records say {known:?}"));
        };
        self.phase = Phase::Stuck(decided);
    }

    pub(super) fn over(&mut self, fact: &Fact) {
        let confirmed = *fact == Fact::Confirmed;
        let before = if confirmed { Phase::Confirming } else { Phase::Cancelling };
        let open = self.members.values().find(|member| !member.is_over());
        let mixed = self.members.values().any(|member| !confirmed && member.confirmed);
        if self.phase != before || open.is_some() || mixed {
            let open = open.map(|member| member.of.id.clone());
            self.wrong("tcc-ends", &format!("it is over as {fact:?}, and open is {open:?}"));
        }
        self.phase = if confirmed { Phase::Confirmed } else { Phase::Cancelled };
    }

    pub(super) fn terminated(&mut self, not_undone: &[wasaga_core::Name]) {
        let known: BTreeSet<&str> =
            self.members.values().filter(|member| member.remains()).map(|member| &*member.of.id).collect();
        let told: BTreeSet<&str> = not_undone.iter().map(|name| name.as_str()).collect();
        if told != known {
            self.wrong("tcc-ends", &format!("it is ended with {told:?} left, and the records say {known:?}"));
        }
        self.phase = Phase::Terminated;
    }

    pub(super) fn end(mut self, evidence: &Evidence, stored: &Stored) {
        let (row, status) = (&stored.row, self.status());
        if (row.status, row.paused) != (status, self.paused) || row.status.is_ended() != row.ended.is_some() {
            let what = format!("its row says {}, and its records {status}", row.status);
            self.found.add("report", Some(self.id), what);
        }
        for report in evidence.reports.iter().filter(|report| report.transaction == row.id) {
            self.report(report);
        }
        self.partner(evidence);
    }

    fn report(&mut self, report: &Report) {
        if (report.status, report.paused, report.decision) != (self.status(), self.paused, self.decided) {
            let what = format!("it is reported as {}, decided {:?}", report.status, report.decision);
            self.found.add("report", Some(self.id), what);
        }
        let named = |fits: &dyn Fn(&Member<'_>) -> bool| -> BTreeSet<String> {
            self.members.values().filter(|member| fits(member)).map(|member| member.of.id.clone()).collect()
        };
        let lists = [
            ("confirmed", &report.confirmed, named(&|member| member.confirmed)),
            ("cancelled", &report.cancelled, named(&|member| member.cancelled)),
            ("given up", &report.given_up, named(&|member| member.given_up)),
            ("stuck", &report.stuck, named(&|member| member.settled.failed && !member.given_up)),
        ];
        let mut differs = Vec::new();
        for (list, reported, known) in lists {
            let reported: BTreeSet<String> = reported.iter().cloned().collect();
            if reported != known {
                differs.push(format!("{list} is reported as {reported:?}, and the records say {known:?}"));
            }
        }
        for what in differs {
            self.found.add("report", Some(self.id), what);
        }
    }

    /// What the partner has at the end is what the end allows for.
    fn partner(&mut self, evidence: &Evidence) {
        let of = |list: &[(wasaga_core::TransactionId, String, Option<u32>)]| -> BTreeSet<String> {
            list.iter().filter(|(id, ..)| *id == self.id).map(|(_, node, _)| node.clone()).collect()
        };
        let (present, confirmed) = (of(&evidence.present), of(&evidence.confirmed));
        let mut wrong = Vec::new();
        for (node, member) in &self.members {
            let (there, final_there) = (present.contains(*node), confirmed.contains(*node));
            if final_there && self.decided != Some(Decided::Confirm) {
                wrong.push(("tcc-ends", format!("`{node}` was told to make it final, and that was not decided")));
            }
            if member.confirmed && !(there && final_there) {
                wrong.push(("tcc-ends", format!("`{node}` is confirmed, and the partner does not have it")));
            }
            let allowed = member.confirmed || member.given_up || (!self.status().is_ended() && member.remains());
            let allowed = allowed || (self.phase == Phase::Terminated && member.remains());
            if there && !allowed {
                wrong.push(("left-behind", format!("it is {}, and `{node}` is left", self.status())));
            }
        }
        for (rule, what) in wrong {
            self.found.add(rule, Some(self.id), what);
        }
    }
}
