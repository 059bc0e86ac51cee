//! The background work, on one page.

pub mod deliver;
mod purge_content;
mod report_gauges;

use std::time::Duration;

use deliver::Deliver;
use purge_content::PurgeContent;
use report_gauges::ReportGauges;
use shinkofa_jobs::Jobs;

use crate::Notify;

pub fn all() -> Jobs<Notify> {
    Jobs::default()
        .register::<Deliver>()
        .every(Duration::from_secs(60 * 60), &PurgeContent {})
        .every(Duration::from_secs(15), &ReportGauges {})
}
