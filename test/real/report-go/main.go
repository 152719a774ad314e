// Reads a SARIF file and a JUnit file as pipelines do: SARIF against the schema of OASIS, as the go-sarif module carries it;
// JUnit by a parser for test results. Prints what it understood as one JSON document.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/joshdk/go-junit"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/xeipuuv/gojsonschema"
)

type understood struct {
	Rules   int            `json:"rules"`
	Results []string       `json:"results"`
	Totals  map[string]int `json:"totals"`
	Failed  []string       `json:"failed"`
}

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: report-go SARIF JUNIT"))
	}
	told := understood{Results: []string{}, Totals: map[string]int{}, Failed: []string{}}
	readSarif(os.Args[1], &told)
	readJunit(os.Args[2], &told)
	if err := json.NewEncoder(os.Stdout).Encode(told); err != nil {
		fail(err)
	}
}

func readSarif(file string, told *understood) {
	content, err := os.ReadFile(file)
	if err != nil {
		fail(err)
	}
	schema, err := sarifSchema()
	if err != nil {
		fail(err)
	}
	verdict, err := gojsonschema.Validate(gojsonschema.NewStringLoader(schema), gojsonschema.NewBytesLoader(content))
	if err != nil {
		fail(fmt.Errorf("SARIF: %w", err))
	}
	if !verdict.Valid() {
		fail(fmt.Errorf("SARIF: %v", verdict.Errors()))
	}
	report, err := sarif.FromBytes(content)
	if err != nil {
		fail(fmt.Errorf("SARIF: %w", err))
	}
	for _, run := range report.Runs {
		told.Rules += len(run.Tool.Driver.Rules)
		for _, result := range run.Results {
			told.Results = append(told.Results, fmt.Sprintf("%s %s", *result.RuleID, result.Level))
		}
	}
}

// The module keeps the schema in a constant of its own, and validates only what it has written itself.
func sarifSchema() (string, error) {
	folder, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3").Output()
	if err != nil {
		return "", err
	}
	file := filepath.Join(strings.TrimSpace(string(folder)), "pkg/report/v210/sarif/schema.go")
	source, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		return "", err
	}
	found := ""
	ast.Inspect(source, func(node ast.Node) bool {
		if text, ok := node.(*ast.BasicLit); ok && text.Kind == token.STRING && len(text.Value) > len(found) {
			found = text.Value
		}
		return true
	})
	if len(found) < 10_000 {
		return "", errors.New("the go-sarif module does not carry the schema where it did")
	}
	return strconv.Unquote(found)
}

func readJunit(file string, told *understood) {
	suites, err := junit.IngestFile(file)
	if err != nil {
		fail(fmt.Errorf("JUnit: %w", err))
	}
	for _, suite := range suites {
		told.Totals["tests"] += suite.Totals.Tests
		told.Totals["failed"] += suite.Totals.Failed
		told.Totals["skipped"] += suite.Totals.Skipped
		told.Totals["passed"] += suite.Totals.Passed
		for _, test := range suite.Tests {
			if test.Status == junit.StatusFailed {
				told.Failed = append(told.Failed, test.Name)
			}
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
